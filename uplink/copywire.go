package uplink

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/lib/pq"
)

// errNoBinary: whatever answers does not take binary rows.
var errNoBinary = errors.New("binary rows are not taken")

// wireCopy speaks PostgreSQL's protocol for a COPY (PostgreSQL documentation, "Message Flow", "COPY Operations") on a
// connection that lib/pq opened and on which it is between two commands. It reads no byte behind ReadyForQuery, so
// that lib/pq goes on as if nothing had been. What is no answer to COPY closes the connection.
type wireCopy struct {
	conn   net.Conn
	reader messageReader
	// While rows go out, a goroutine reads what the server says: a server whose notices nobody takes would stop taking
	// rows, and the rows behind an error need not be sent. It ends with the COPY.
	done chan copyEnd
	stop atomic.Bool // the server has told an error and throws away what it still gets, or it is not there any more
}

// copyEnd is how a COPY ended.
type copyEnd struct {
	rows uint64
	err  error
	lost bool // the connection is of no more use
}

// begin starts a COPY; the rows are binary.
func (c *wireCopy) begin(query string) error {
	message := append(append(make([]byte, copyHead), query...), 0)
	putHead(message, 'Q')
	if _, err := c.conn.Write(message); err != nil {
		return c.over(copyEnd{err: fmt.Errorf("send COPY: %w", err), lost: true})
	}
	kind, body, err := c.reader.next(c.conn)
	if err != nil || kind != copyInResponse {
		end := c.conclude(kind, body, err)
		if end.err == nil {
			end.err, end.lost = fmt.Errorf("%w: COPY ended before it began", errProtocol), true
		}
		return c.over(end)
	}
	if err = checkCopyIn(body); errors.Is(err, errProtocol) {
		return c.over(copyEnd{err: err, lost: true})
	}
	c.stop.Store(false)
	done := make(chan copyEnd, 1)
	c.done = done
	go func() {
		kind, body, err := c.reader.next(c.conn)
		end := c.conclude(kind, body, err)
		if end.lost { // ends a write that nobody takes
			c.stop.Store(true)
			c.conn.Close()
		}
		done <- end
	}()
	if err != nil {
		c.abandon()
	}
	return err
}

// checkCopyIn judges CopyInResponse: the format of all and of each column is to be binary, 1.
func checkCopyIn(body []byte) error {
	if len(body) < 3 || len(body) != 3+2*int(binary.BigEndian.Uint16(body[1:])) {
		return fmt.Errorf("%w: CopyInResponse of %d bytes", errProtocol, len(body))
	}
	if body[0] != 1 {
		return fmt.Errorf("%w: the server asks for format %d", errNoBinary, body[0])
	}
	for i := 3; i < len(body); i += 2 {
		if format := binary.BigEndian.Uint16(body[i:]); format != 1 {
			return fmt.Errorf("%w: the server asks for format %d of column %d", errNoBinary, format, i/2)
		}
	}
	return nil
}

// conclude goes on from a message to the end of the command.
func (c *wireCopy) conclude(kind byte, body []byte, err error) copyEnd {
	var end copyEnd
	finished := false
	for ; ; kind, body, err = c.reader.next(c.conn) {
		switch {
		case err != nil: // the server's words are worth more than how the connection ended
			if end.err == nil {
				end.err = fmt.Errorf("wait for the server's answer: %w", err)
			}
			end.lost = true
			return end
		case kind == errorResponse:
			end.err = serverError(body)
			c.stop.Store(true)
		case kind == commandComplete && !finished && end.err == nil:
			if end.rows, end.err = rowsOf(body); end.err != nil {
				end.lost = true
				return end
			}
			finished = true
		case kind == readyForQuery && end.err != nil:
			return end
		case kind == readyForQuery && finished:
			// Outside a transaction the rows would be there for good, without their ledger entry.
			if string(body) != "T" {
				end.err, end.lost = fmt.Errorf("%w: after COPY the transaction is in state %q", errProtocol, body), true
			}
			return end
		default:
			end.err, end.lost = fmt.Errorf("%w: message %q in COPY", errProtocol, kind), true
			return end
		}
	}
}

// rowsOf reads the tag of CommandComplete.
func rowsOf(body []byte) (uint64, error) {
	tag := strings.TrimSuffix(string(body), "\x00")
	count, ok := strings.CutPrefix(tag, "COPY ")
	n, err := strconv.ParseUint(count, 10, 64)
	if !ok || err != nil {
		return 0, fmt.Errorf("%w: COPY ended as %.40q", errProtocol, tag)
	}
	return n, nil
}

// over is the end of a COPY.
func (c *wireCopy) over(end copyEnd) error {
	c.done = nil
	if end.lost {
		c.conn.Close()
	}
	return end.err
}

// write sends a message of rows as CopyData.
func (c *wireCopy) write(message []byte) error {
	putHead(message, 'd')
	return c.send(message)
}

// putHead fills in the type and the length of a message.
func putHead(message []byte, kind byte) {
	message[0] = kind
	binary.BigEndian.PutUint32(message[1:], uint32(len(message)-1))
}

// send sends a message, unless the COPY is over: then it returns why.
func (c *wireCopy) send(message []byte) error {
	if c.stop.Load() {
		return c.over(<-c.done)
	}
	if _, err := c.conn.Write(message); err != nil {
		if c.stop.Load() {
			return c.over(<-c.done)
		}
		// What the server has said before the connection broke tells more. Nothing else is expected of it.
		_ = c.conn.SetDeadline(time.Now().Add(lastWords))
		end := <-c.done
		end.lost = true
		if pq.As(end.err) == nil && !errors.Is(end.err, errProtocol) {
			end.err = fmt.Errorf("send rows: %w", err)
		}
		return c.over(end)
	}
	return nil
}

// finish sends the last rows and CopyDone, and waits for what the server makes of them.
func (c *wireCopy) finish(message []byte) (uint64, error) {
	putHead(message, 'd')
	if err := c.send(append(message, 'c', 0, 0, 0, 4)); err != nil {
		return 0, err
	}
	end := <-c.done
	return end.rows, c.over(end)
}

// abandon ends the COPY with CopyFail, which the server answers with an error: ours.
func (c *wireCopy) abandon() {
	if c.done == nil {
		return
	}
	message := append(make([]byte, copyHead), "given up by the client\x00"...)
	putHead(message, 'f')
	if err := c.send(message); err == nil {
		_ = c.over(<-c.done)
	}
}
