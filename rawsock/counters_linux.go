package rawsock

import (
	"bytes"
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// Counters are an interface's own, in frames since it was made: /proc/net/dev of proc(5). They begin anew when the
// interface is deleted and made again.
type Counters struct {
	Received uint64
	Sent     uint64
	// ReceiveDropped is what came and went no further, for want of room or because nobody wanted it: the columns drop
	// and fifo.
	ReceiveDropped uint64
}

// CounterReader reads the counters of interfaces of the network namespace in which it was made. It needs no
// privilege, does not allocate, and is for one goroutine.
//
// The goroutine of a ring may be that one: rtnetlink would answer under the kernel's lock on all links, which whoever
// configures one holds for as long as its driver takes; /proc/net/dev does without it.
type CounterReader struct {
	file   *os.File
	socket int
	buffer [maxCounterLines]byte
}

// NewCounterReader opens a reader. It needs /proc.
func NewCounterReader() (*CounterReader, error) {
	failed := func(err error) (*CounterReader, error) {
		return nil, opError("read the counters", "all interfaces", err, "")
	}
	file, err := os.Open("/proc/thread-self/net/dev") // of this thread's namespace
	if err != nil {
		return failed(err)
	}
	socket, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		file.Close()
		return failed(os.NewSyscallError("socket", err))
	}
	return &CounterReader{file: file, socket: socket}, nil
}

// Close frees the reader.
func (r *CounterReader) Close() error {
	err := r.file.Close()
	if closing := unix.Close(r.socket); err == nil {
		err = os.NewSyscallError("close", closing)
	}
	return err
}

// Read returns what the interface of this index has counted, ErrNoInterface when there is none.
func (r *CounterReader) Read(index int) (Counters, error) {
	name := interfaceRequest{index: int32(index)}
	err := name.ask(r.socket)
	if err == nil {
		var line []byte
		if line, err = r.find(name.bytes()); err == nil {
			return parseCounters(line), nil
		}
	}
	return Counters{}, opError("read the counters", "interface "+strconv.Itoa(index), err, "")
}

// find returns what stands behind an interface's name and the colon.
func (r *CounterReader) find(name []byte) ([]byte, error) {
	held := 0
	for offset := int64(0); held < len(r.buffer); {
		n, err := r.file.ReadAt(r.buffer[held:], offset)
		if n == 0 {
			if err != nil && held == 0 && offset == 0 {
				return nil, err
			}
			break
		}
		offset += int64(n)
		rest := r.buffer[:held+n]
		for {
			line, behind, whole := bytes.Cut(rest, []byte{'\n'})
			if !whole {
				break
			}
			rest = behind
			if line, is := bytes.CutPrefix(bytes.TrimLeft(line, " "), name); is && len(line) > 0 && line[0] == ':' {
				return line[1:], nil
			}
		}
		held = copy(r.buffer[:], rest)
	}
	return nil, ErrNoInterface
}

// parseCounters reads the columns of a line.
func parseCounters(line []byte) (c Counters) {
	const receivedPackets, receivedDrop, receivedFIFO, sentPackets = 1, 3, 4, 9
	for column := 0; ; column++ {
		line = bytes.TrimLeft(line, " ")
		if len(line) == 0 {
			return c
		}
		var value uint64
		for len(line) > 0 && line[0] != ' ' {
			value = value*10 + uint64(line[0]-'0')
			line = line[1:]
		}
		switch column {
		case receivedPackets:
			c.Received = value
		case receivedDrop, receivedFIFO:
			c.ReceiveDropped += value
		case sentPackets:
			c.Sent = value
		}
	}
}
