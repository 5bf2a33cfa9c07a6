package schema

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/lib/pq"
	"github.com/lib/pq/pqerror"
)

// Register says that a device is here, under which name and with which version of the program, and returns its device_id.
//
// The texts are UTF-8 without NUL; what is longer than 1024 characters is cut. ErrTaken: the uuid begins like that of another
// device. ErrMissing and ErrPermission need somebody's help.
func Register(ctx context.Context, db *sql.DB, uuid, name, version string) (id int64, err error) {
	// Without parameters it is one message, which a connection pooler cannot split over two servers.
	query := fmt.Sprintf("SELECT sniffer.register_device(%s, %s, %s)", pq.QuoteLiteral(uuid), pq.QuoteLiteral(name), pq.QuoteLiteral(version))
	err = db.QueryRowContext(ctx, query).Scan(&id)
	switch {
	case pq.As(err, pqerror.UniqueViolation) != nil:
		return 0, fmt.Errorf("schema: register the device %s: %w: %w", uuid, ErrTaken, err)
	case err != nil:
		return 0, opError("register the device "+uuid, err, true, adviceGrant)
	}
	return id, nil
}
