package uplink

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/lib/pq"
	"github.com/lib/pq/pqerror"
)

// errProtocol: what answers does not speak PostgreSQL's protocol, or not at this place.
var errProtocol = errors.New("unexpected answer from the database")

// Types of the server's messages (PostgreSQL documentation, "Message Formats").
const (
	commandComplete      = 'C'
	copyInResponse       = 'G'
	errorResponse        = 'E'
	noticeResponse       = 'N'
	notificationResponse = 'A'
	parameterStatus      = 'S'
	readyForQuery        = 'Z'
)

// messageReader reads the server's messages, and not one byte more. Its buffer is used again for each.
type messageReader struct{ buf []byte }

// next returns the type and the body of the next message that belongs to a command; it passes over those that a
// server may send at any time.
func (m *messageReader) next(r io.Reader) (kind byte, body []byte, err error) {
	if m.buf == nil {
		m.buf = make([]byte, 512)
	}
	for {
		head := m.buf[:5]
		if _, err := io.ReadFull(r, head); err != nil {
			return 0, nil, err
		}
		kind = head[0]
		size := int64(binary.BigEndian.Uint32(head[1:])) - 4
		if size < 0 || size > maxMessage {
			return 0, nil, fmt.Errorf("%w: message %q of %d bytes", errProtocol, kind, size)
		}
		if int(size) > len(m.buf) {
			m.buf = make([]byte, size)
		}
		body = m.buf[:size]
		if _, err := io.ReadFull(r, body); err != nil {
			if err == io.EOF {
				err = io.ErrUnexpectedEOF
			}
			return 0, nil, err
		}
		switch kind {
		case noticeResponse, notificationResponse, parameterStatus:
		default:
			return kind, body, nil
		}
	}
}

// serverError makes the error that lib/pq would return of the fields of ErrorResponse (PostgreSQL documentation,
// "Error and Notice Message Fields"); unknown fields are passed over, as that asks for.
func serverError(body []byte) error {
	e := &pq.Error{}
	for len(body) > 0 && body[0] != 0 {
		field := body[0]
		end := 1
		for end < len(body) && body[end] != 0 {
			end++
		}
		value := string(body[1:end])
		body = body[min(end+1, len(body)):]
		switch field {
		case 'S':
			e.Severity = value
		case 'C':
			e.Code = pqerror.Code(value)
		case 'M':
			e.Message = value
		case 'D':
			e.Detail = value
		case 'H':
			e.Hint = value
		case 'W':
			e.Where = value
		case 's':
			e.Schema = value
		case 't':
			e.Table = value
		case 'c':
			e.Column = value
		case 'd':
			e.DataTypeName = value
		case 'n':
			e.Constraint = value
		case 'R':
			e.Routine = value
		}
	}
	return e
}
