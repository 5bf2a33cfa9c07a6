package uplink

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"time"

	"github.com/lib/pq"
	"github.com/lib/pq/pqerror"
)

// Format is how rows are written into COPY (PostgreSQL documentation, COPY, "File Formats").
type Format uint8

// The formats.
const (
	FormatAuto   Format = iota // binary, and text where the server or the way to it refuses that
	FormatBinary               // half the work for server and device
	FormatText                 // fewer bytes on the wire, and the servers that take nothing else
)

var formatNames = [...]string{FormatAuto: "auto", FormatBinary: "binary", FormatText: "text"}

// String returns auto, binary or text.
func (f Format) String() string {
	if int(f) < len(formatNames) {
		return formatNames[f]
	}
	return fmt.Sprintf("Format(%d)", uint8(f))
}

// ParseFormat is the reverse of String.
func ParseFormat(s string) (Format, error) {
	for f, name := range formatNames {
		if s == name {
			return Format(f), nil
		}
	}
	return FormatAuto, fmt.Errorf("uplink: format %q: write auto, binary or text", s)
}

// errRefused: the rows have to be sent as text.
var errRefused = errors.New("the server takes no binary rows")

// chooseFormat says how the rows of a transaction are to be written.
func (u *Uploader) chooseFormat(ctx context.Context, tx *sql.Tx) (Format, error) {
	if u.config.Format == FormatText || u.config.Format == FormatAuto && time.Now().Before(u.textUntil) {
		return FormatText, nil
	}
	stream, ok := u.dialer.stream()
	if !ok && u.config.Format == FormatAuto {
		return FormatText, nil
	}
	if ok && stream == u.typed { // asked on this connection
		return FormatBinary, nil
	}
	var foreign string
	if err := tx.QueryRowContext(ctx, foreignTypes).Scan(&foreign); err != nil {
		return FormatBinary, fmt.Errorf("uplink: ask for the types of the columns: %w", err)
	}
	if foreign != "" {
		return FormatBinary, fmt.Errorf("uplink: %w: sniffer.packets has columns of other types: %s", errNoBinary, foreign)
	}
	u.typed = stream
	return FormatBinary, nil
}

// openSink opens the way for rows of a format on a connection of lib/pq.
func (u *Uploader) openSink(format Format, c driver.Conn) (copySink, error) {
	if format == FormatText {
		return &pqCopy{conn: c}, nil
	}
	stream, ok := u.dialer.stream()
	if !ok {
		return nil, fmt.Errorf("%w: lib/pq encrypts the connection by itself", errNoBinary)
	}
	return &wireCopy{conn: stream}, nil
}

// judge turns an error of binary rows into errRefused when the rows may pass as text: the server or what stands before
// it does not know the format, or reads it in another way. Everything else would stop text too.
func (u *Uploader) judge(format Format, err error) error {
	if u.config.Format != FormatAuto || format != FormatBinary {
		return err
	}
	said := pq.As(err, pqerror.InvalidBinaryRepresentation, pqerror.FeatureNotSupported, pqerror.ProtocolViolation,
		pqerror.DatatypeMismatch)
	// A fatal error is not about the rows: PgBouncer says ProtocolViolation when its server is gone.
	if errors.Is(err, errNoBinary) || errors.Is(err, errProtocol) || said != nil && !said.Fatal() {
		return fmt.Errorf("%w: %w", errRefused, err)
	}
	return err
}

// refused makes text the format, for a while and on a new connection, for who knows what became of the old one.
func (u *Uploader) refused(err error) {
	u.disconnect()
	u.textUntil = time.Now().Add(refusalLasts)
	u.config.Log.Warn("rows are sent as text: binary ones were refused", "error", err, "for", refusalLasts)
}
