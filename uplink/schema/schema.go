// Package schema is the PostgreSQL database that segments are stored in: numbered SQL files, and what brings a database up to them.
//
// The files under sql are the documentation of the tables: every object carries a COMMENT. Each file is one version, runs in one
// transaction and never changes once released. Everything lies in the SQL schema "sniffer".
//
// Nothing here relies on the session: no prepared statements, no GUC, only transaction-level locks, so a connection may come
// from PgBouncer in transaction mode. Errors are judged by SQLSTATE alone (PostgreSQL, appendix A).
package schema

import (
	"errors"
	"fmt"

	"github.com/lib/pq"
	"github.com/lib/pq/pqerror"
)

// Version is the newest version this program knows, and the oldest it works with.
const Version = 5

// The errors that a caller can act on, for errors.Is; each is wrapped with the server's own message.
var (
	ErrMissing    = errors.New("the database has no schema sniffer, or not all of it")
	ErrOlder      = errors.New("schema sniffer in the database is older than this program")
	ErrPermission = errors.New("the database role lacks a permission") // SQLSTATE 42501
	ErrTaken      = errors.New("the device_id belongs to another device")
)

// How trouble of each kind ends; the last part of an error's text.
const (
	adviceApply = "run: sniffer schema apply --database-url …"
	adviceOwner = "run as the database's owner: sniffer schema apply --database-url …"
	adviceOwn   = "run it as the role that owns the schema sniffer and its tables"
	adviceGrant = "let the database's owner run: GRANT sniffer_device TO the role (sniffer_reader to one that only reads)"
)

// lockKey is the advisory lock of whoever changes the shape of the schema: the bytes of "sniffer", big endian. The function
// sniffer.ensure_partition takes the same one.
const lockKey int64 = 32491021290333554

// opError wraps a server's error once: what failed, the sentinel that its SQLSTATE stands for, and what to do about a missing
// permission. A missing table or function is ErrMissing where missing says so; elsewhere it would be a bug of ours.
func opError(doing string, err error, missing bool, permission string) error {
	switch {
	case pq.As(err, pqerror.InsufficientPrivilege) != nil:
		return fmt.Errorf("schema: %s: %w: %w; %s", doing, ErrPermission, err, permission)
	case missing && pq.As(err, pqerror.InvalidSchemaName, pqerror.UndefinedTable, pqerror.UndefinedFunction) != nil:
		return fmt.Errorf("schema: %s: %w: %w; %s", doing, ErrMissing, err, adviceApply)
	}
	return fmt.Errorf("schema: %s: %w", doing, err)
}

// Explain adds to an error of a statement on our tables what to do when the role may not run it: it is ErrPermission then. Other
// errors are returned as they are.
func Explain(err error) error {
	if pq.As(err, pqerror.InsufficientPrivilege) == nil || errors.Is(err, ErrPermission) {
		return err
	}
	return fmt.Errorf("%w: %w; %s", err, ErrPermission, adviceGrant)
}
