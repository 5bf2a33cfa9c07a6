package uplink

import (
	"context"
	"database/sql/driver"
	"unsafe"
)

// copyStatement is lib/pq's COPY statement.
type copyStatement interface {
	driver.Stmt
	CopyData(ctx context.Context, line string) (driver.Result, error)
}

// pqCopy hands rows to lib/pq, which takes text alone.
type pqCopy struct {
	conn driver.Conn
	stmt copyStatement // of the COPY under way
}

func (c *pqCopy) begin(query string) error {
	stmt, err := c.conn.Prepare(query)
	if err != nil {
		return err
	}
	c.stmt = stmt.(copyStatement)
	return nil
}

// write hands the text over. lib/pq copies it, and appends the last newline itself.
func (c *pqCopy) write(message []byte) error {
	if len(message) == copyHead {
		return nil
	}
	line := unsafe.String(&message[copyHead], len(message)-copyHead-1)
	// The background context: one that can end would start a goroutine for every call.
	_, err := c.stmt.CopyData(context.Background(), line)
	if err != nil {
		c.abandon()
	}
	return err
}

func (c *pqCopy) finish(message []byte) (uint64, error) {
	if err := c.write(message); err != nil {
		return 0, err
	}
	result, err := c.stmt.Exec(nil)
	if err != nil {
		// When the server refused the rows already, lib/pq's goroutine is still reading its answer; Close waits for that.
		c.abandon()
		return 0, err
	}
	c.stmt = nil
	n, err := result.RowsAffected()
	return uint64(n), err
}

// abandon ends the COPY as if it were whole; the rollback undoes it.
func (c *pqCopy) abandon() {
	if c.stmt != nil {
		_ = c.stmt.Close()
		c.stmt = nil
	}
}
