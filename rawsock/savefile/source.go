package savefile

import (
	"errors"
	"fmt"
	"io"
)

// source reads a stream record by record and knows where it is, so that every error can name a place. It
// stands in for bufio.Reader, whose calls cost more than the parsing between them.
type source struct {
	r         io.Reader
	buf       []byte
	next, end int   // buf[next:end] is read but not taken
	base      int64 // where in the file buf[0] comes from
	start     int64 // where the current record begins
	want      int64 // length of the current record as far as it is known
	failure   error // what r returned together with the last bytes
	data      []byte
}

func newSource(r io.Reader) source {
	return source{r: r, buf: make([]byte, readBuffer)}
}

// offset is where in the file the next byte comes from.
func (s *source) offset() int64 { return s.base + int64(s.next) }

// begin starts a record whose first want bytes are known to belong to it.
func (s *source) begin(want int) {
	s.start, s.want = s.offset(), int64(want)
}

// peek returns the next n bytes, n <= readBuffer, without taking them.
func (s *source) peek(n int) ([]byte, error) {
	if s.end-s.next < n {
		if err := s.refill(n); err != nil {
			return nil, err
		}
	}
	return s.buf[s.next : s.next+n], nil
}

// take returns the next n bytes, n <= readBuffer. They are valid until the next call of any method.
func (s *source) take(n int) ([]byte, error) {
	p, err := s.peek(n)
	if err == nil {
		s.next += n
	}
	return p, err
}

// body returns the next n bytes in the frame buffer, where they are valid until the next body. The buffer
// grows as bytes arrive, whatever n claims.
func (s *source) body(n int) ([]byte, error) {
	s.data = s.data[:0]
	for len(s.data) < n {
		if s.next == s.end {
			if err := s.refill(1); err != nil {
				return nil, err
			}
		}
		part := s.buf[s.next:min(s.end, s.next+n-len(s.data))]
		s.data = append(s.data, part...)
		s.next += len(part)
	}
	return s.data, nil
}

func (s *source) skip(n int) error {
	for n > s.end-s.next {
		n -= s.end - s.next
		s.next = s.end
		if err := s.refill(1); err != nil {
			return err
		}
	}
	s.next += n
	return nil
}

// refill reads until n bytes are there. Where they never come, those that did are taken as well: they
// count as read of the record.
func (s *source) refill(n int) error {
	s.end = copy(s.buf, s.buf[s.next:s.end])
	s.base += int64(s.next)
	s.next = 0
	for idle := 0; s.end < n; idle++ {
		if s.failure == nil && idle == idleReads {
			s.failure = io.ErrNoProgress
		}
		if s.failure != nil {
			s.next = s.end
			return s.ended(s.failure)
		}
		var got int
		got, s.failure = s.r.Read(s.buf[s.end:])
		s.end += got
		if got > 0 {
			idle = 0
		}
	}
	return nil
}

// ended names the error of the underlying reader. io.EOF remains itself between records only. A source
// that itself reports io.ErrUnexpectedEOF (a decompressor on half a file) is cut as well.
func (s *source) ended(err error) error {
	if err == io.EOF && s.offset() == s.start {
		return io.EOF
	}
	if err == io.EOF || errors.Is(err, io.ErrUnexpectedEOF) {
		err = ErrTruncated
	}
	return s.fail(err, "")
}

// invalid makes an ErrFormat for the current record; the text says what is wrong and what to do.
func (s *source) invalid(format string, args ...any) error {
	return s.fail(ErrFormat, fmt.Sprintf(format, args...))
}

// damaged is invalid for contradictions in the file, which all call for the same.
func (s *source) damaged(format string, args ...any) error {
	return s.invalid("%s: the file is damaged here; use the frames before it", fmt.Sprintf(format, args...))
}

func (s *source) fail(kind error, problem string) error {
	return &Error{Offset: s.start, Read: s.offset() - s.start, Want: s.want, kind: kind, problem: problem}
}
