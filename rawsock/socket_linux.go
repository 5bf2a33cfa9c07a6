package rawsock

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"

	"github.com/mdlayher/packet"
	"golang.org/x/sys/unix"

	"network-sniffer/rawsock/machine"
)

// Socket is a packet socket with its way of reading: a ring or plain reads.
type Socket struct {
	conn   *packet.Conn
	raw    syscall.RawConn
	config Config
	cooked bool // the link type is LinkCooked
	stamps bool // PACKET_TIMESTAMP was granted

	ring  ring   // without memory in ModeRead
	reads *reads // nil in ModeRing

	setting sync.Mutex                      // one SetFilter at a time
	locked  bool                            // under setting: the filter is final
	judge   atomic.Pointer[machine.Program] // the filter in user space; nil while the kernel runs it

	ready       func(fd uintptr) bool // made once: a closure per wait would be an allocation per wait
	deadline    time.Time             // the one that is set on the socket
	interrupted atomic.Bool

	stats Stats  // Received as the kernel says, with what judge refused
	last  uint64 // Next ends after so many frames, refused ones included
	final bool   // Drain has read the kernel's counters for the last time
}

// Open makes the socket with the filter attached, maps the ring and only then binds the socket to the
// interface: nothing that the filter refuses is ever seen. It needs CAP_NET_RAW.
func Open(c Config) (*Socket, error) {
	s, err := openDeaf(c)
	if err != nil {
		return nil, err
	}
	if err = s.SetFilter(c.Filter); err == nil {
		err = s.listen()
	}
	if err == nil {
		err = s.lock()
	}
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// openDeaf makes a socket that is ready but for its filter and for being bound. Where the mode is free and the kernel
// refuses a ring, it reads.
func openDeaf(c Config) (*Socket, error) {
	c, err := c.withDefaults()
	if err != nil {
		return nil, opError("open", c.Link.Name, err, "")
	}
	kind := packet.Datagram
	if c.Link.Type == LinkEthernet {
		kind = packet.Raw
	}
	// Protocol 0 receives nothing.
	conn, err := packet.Listen(&net.Interface{Index: c.Link.Index, Name: c.Link.Name}, kind, 0, nil)
	if err != nil {
		return nil, openError(c.Link.Name, err)
	}
	s := &Socket{conn: conn, config: c, cooked: c.Link.Type == LinkCooked, last: 1<<64 - 1}
	s.raw, err = conn.SyscallConn()
	if err == nil {
		err = s.control(s.prepare)
	}
	if err == nil {
		s.ready = s.hasFrames
		return s, nil
	}
	err = errors.Join(openError(c.Link.Name, err), s.Close())
	if c.Mode == ModeAuto && errors.Is(err, errNoRing) {
		c.Mode = ModeRead
		return openDeaf(c)
	}
	return nil, err
}

// withDefaults fills in what was left open and refuses what the kernel would not, or not in these words.
func (c Config) withDefaults() (Config, error) {
	if c.BlockSize == 0 {
		c.BlockSize = DefaultBlockSize
	}
	if c.Blocks == 0 {
		c.Blocks = DefaultBlocks
	}
	if c.BlockTimeout == 0 {
		c.BlockTimeout = DefaultBlockTimeout
	}
	if c.ReceiveBuffer == 0 {
		c.ReceiveBuffer = DefaultReceiveBuffer
	}
	switch {
	case len(c.Filter) == 0:
		return c, errNoFilter
	case c.BlockSize < 0 || c.BlockSize%os.Getpagesize() != 0:
		return c, fmt.Errorf("a block of %d bytes: it must be a multiple of the page size, %d", c.BlockSize, os.Getpagesize())
	case c.Blocks < 0 || c.BlockSize > maxRing/c.Blocks:
		return c, fmt.Errorf("%d blocks of %d bytes: a ring has at most %d MiB", c.Blocks, c.BlockSize, maxRing>>20)
	case c.BlockTimeout < time.Millisecond:
		return c, fmt.Errorf("a block time-out of %v: at least 1ms", c.BlockTimeout)
	case c.ReceiveBuffer < 0:
		return c, fmt.Errorf("a receive buffer of %d bytes", c.ReceiveBuffer)
	}
	return c, nil
}

func openError(name string, err error) error {
	switch {
	case errors.Is(err, os.ErrPermission):
		return opError("open", name, err, "capturing needs root or CAP_NET_RAW: setcap cap_net_raw+ep on the binary")
	case errors.Is(err, unix.ENODEV), errors.Is(err, unix.ENXIO):
		return opError("open", name, errors.Join(ErrNoInterface, err), "see `ip link`")
	case errors.Is(err, errNoRing):
		return opError("open", name, err, "ask for a smaller ring, or for plain reads")
	}
	return opError("open", name, err, "")
}

// control runs f on the descriptor.
func (s *Socket) control(f func(fd int) error) error {
	var inner error
	if err := s.raw.Control(func(fd uintptr) { inner = f(int(fd)) }); err != nil {
		return err
	}
	return inner
}

// prepare sets up the way of reading, which must stand before the socket hears anything.
func (s *Socket) prepare(fd int) error {
	if s.config.Mode == ModeRead {
		var err error
		s.reads, err = newReads(fd, s.config.ReceiveBuffer)
		return err
	}
	s.stamps = s.config.HardwareTime && stampByHardware(fd, s.config.Link)
	return s.ring.mapTo(fd, &s.config)
}

// listen binds the socket: from here on it receives.
func (s *Socket) listen() error {
	c := &s.config
	err := s.control(func(fd int) error {
		address := unix.SockaddrLinklayer{Protocol: networkOrder(unix.ETH_P_ALL), Ifindex: c.Link.Index}
		return os.NewSyscallError("bind", unix.Bind(fd, &address))
	})
	if err == nil && c.Promiscuous && !c.Link.Loopback && c.Link.Index != 0 {
		err = s.conn.SetPromiscuous(true)
	}
	if err != nil {
		return openError(c.Link.Name, err)
	}
	return nil
}

func networkOrder(v uint16) uint16 {
	var b [2]byte
	binary.BigEndian.PutUint16(b[:], v)
	return binary.NativeEndian.Uint16(b[:])
}

// Link is the interface as it was when the socket was opened.
func (s *Socket) Link() Link { return s.config.Link }

// Mode is the way frames take: ModeRing or ModeRead.
func (s *Socket) Mode() Mode {
	if s.reads != nil {
		return ModeRead
	}
	return ModeRing
}

// Size is the memory that the kernel granted for frames, in bytes: the ring's, or the receive buffer's.
func (s *Socket) Size() int {
	if s.reads != nil {
		return s.reads.granted
	}
	return len(s.ring.memory)
}

// InUserSpace reports whether the filter runs in this process, because the kernel refused it.
func (s *Socket) InUserSpace() bool { return s.judge.Load() != nil }

// HardwareTime reports whether frames carry the interface's own time of receipt, as Config.HardwareTime asks: that is
// so with a ring, where the interface stamps all frames and its clock agrees with the system's when the socket is
// opened. A frame without such a stamp, as every sent one, has the kernel's time.
func (s *Socket) HardwareTime() bool { return s.stamps }

// Bound reports whether the socket still belongs to an interface: that is over for good when the interface is
// deleted, even if one of the same name and index follows. Any goroutine may call it.
func (s *Socket) Bound() bool {
	bound := false
	err := s.control(func(fd int) error {
		address, err := unix.Getsockname(fd)
		link, ok := address.(*unix.SockaddrLinklayer)
		bound = ok && link.Ifindex >= 0
		return err
	})
	return err == nil && bound
}

// hasFrames reports whether Next has something to walk.
func (s *Socket) hasFrames(uintptr) bool {
	if s.reads != nil {
		return s.reads.fill()
	}
	return s.ring.block != nil || s.ring.blockReady()
}

// Wait blocks until Next has something to give (true), or until the deadline (false). A zero deadline waits
// for ever. After Interrupt it returns ErrInterrupted, once; a link that goes down is no error. Where the filter runs
// in user space, it may turn out that it refuses all that came.
func (s *Socket) Wait(deadline time.Time) (bool, error) {
	if s.takeInterrupt() {
		return false, ErrInterrupted
	}
	if s.hasFrames(0) {
		return s.readable()
	}
	if !deadline.Equal(s.deadline) {
		if err := s.conn.SetReadDeadline(deadline); err != nil {
			return false, opError("wait", s.config.Link.Name, err, "")
		}
		s.deadline = deadline
	}
	// After the deadline was set, so that an Interrupt in between is not overwritten by it.
	if s.takeInterrupt() {
		return false, ErrInterrupted
	}
	err := s.raw.Read(s.ready)
	switch {
	case err == nil:
		return s.readable()
	case errors.Is(err, os.ErrDeadlineExceeded):
		s.deadline = past
		if s.takeInterrupt() {
			return false, ErrInterrupted
		}
		return false, nil
	}
	return false, opError("wait", s.config.Link.Name, err, "")
}

// readable tells a frame from an error that a plain read met instead.
func (s *Socket) readable() (bool, error) {
	if s.reads == nil || s.reads.failed == 0 {
		return true, nil
	}
	return false, opError("read", s.config.Link.Name, os.NewSyscallError("recvmsg", s.reads.failed), "")
}

// takeInterrupt consumes an Interrupt; the next Wait then sets its deadline anew.
func (s *Socket) takeInterrupt() bool {
	if !s.interrupted.Load() || !s.interrupted.Swap(false) {
		return false
	}
	s.deadline = past
	return true
}

// past is a deadline that no caller asks for: it stands for one on the socket that has passed.
var past = time.Unix(1, 0)

// Interrupt ends the owner's Wait, or the next one, with ErrInterrupted. Any goroutine may call it.
func (s *Socket) Interrupt() {
	s.interrupted.Store(true)
	// An error means that the socket is closed: then nobody waits.
	_ = s.conn.SetReadDeadline(past)
}

// Next hands out the next frame. It never blocks, and returns false at the end of each block of a ring and after
// readBurst plain reads, so that an owner who is behind still comes by its other duties: call Wait, which returns at
// once when more is there.
//
// The walk of a ring stays inside the held block whatever its headers say, because every access but the header's is a
// slice expression on that block.
func (s *Socket) Next(f *Frame) bool {
	for {
		var (
			from   *unix.RawSockaddrLinklayer
			room   []byte // ends where the frame begins: there is place for a cooked header
			status uint32
		)
		f.VLANTPID, f.VLANTCI, f.Partial = 0, 0, false
		if s.reads == nil {
			r := &s.ring
			if r.left == 0 && !s.turn() {
				return false
			}
			b := r.block[r.offset:]
			_ = b[frameHeaders-1] // from here on both headers are inside b
			h := (*unix.Tpacket3Hdr)(unsafe.Pointer(&b[0]))
			from = (*unix.RawSockaddrLinklayer)(unsafe.Pointer(&b[frameAddress]))
			mac := uint32(h.Mac)
			room = b[:mac]
			f.Data = b[mac : mac+h.Snaplen : mac+h.Snaplen]
			f.Time = int64(h.Sec)*1e9 + int64(h.Nsec)
			f.WireLength = h.Len
			status = h.Status
			if status&unix.TP_STATUS_VLAN_VALID != 0 {
				f.VLANTCI, f.VLANTPID = uint16(h.Hv1.Vlan_tci), h.Hv1.Vlan_tpid
			}
			r.offset += h.Next_offset
			r.left--
		} else {
			r := s.reads
			if s.stats.Walked+s.stats.Refused == s.last || !r.next() {
				return false
			}
			from, room, status = &r.from, r.buffer[:headRoom], r.aux.Status
			f.Data = r.buffer[headRoom : headRoom+r.length : headRoom+r.length]
			f.Time, f.WireLength = r.time, r.aux.Len
			if status&unix.TP_STATUS_VLAN_VALID != 0 {
				f.VLANTCI, f.VLANTPID = r.aux.Vlan_tci, r.aux.Vlan_tpid
			}
		}
		f.Direction, f.Interface = from.Pkttype, from.Ifindex
		if status&(unix.TP_STATUS_VLAN_VALID|unix.TP_STATUS_CSUMNOTREADY) != 0 {
			if status&(unix.TP_STATUS_VLAN_VALID|unix.TP_STATUS_VLAN_TPID_VALID) == unix.TP_STATUS_VLAN_VALID {
				f.VLANTPID = unix.ETH_P_8021Q
			}
			f.Partial = status&unix.TP_STATUS_CSUMNOTREADY != 0
		}
		if judge := s.judge.Load(); judge != nil && !accepts(judge, f, from) {
			s.stats.Refused++
			continue
		}
		if s.cooked {
			f.cook(room, from)
		}
		s.stats.Walked++
		if f.Partial {
			s.stats.Partial++
		}
		return true
	}
}

// turn gives the held block back to the kernel, or takes the next one when none is held. It reports whether
// a block with frames is held.
func (s *Socket) turn() bool {
	if !s.ring.turn() {
		return false
	}
	s.clip()
	return s.ring.left > 0
}

// clip leaves as many frames of the held block as may still be handed out.
func (s *Socket) clip() {
	if most := s.last - s.stats.Walked - s.stats.Refused; uint64(s.ring.left) > most {
		s.ring.left = uint32(most)
	}
}

// Stats reads the kernel's counters and adds them up: the kernel's own start anew at each read, and are 32 bits wide, so
// that somebody has to call this once in 4 billion frames. After Drain they stand still.
func (s *Socket) Stats() (Stats, error) {
	if !s.final {
		k, err := s.conn.Stats()
		if err != nil {
			return s.totals(), opError("read the statistics", s.config.Link.Name, err, "")
		}
		s.stats.Received += uint64(k.Packets)
		s.stats.Dropped += uint64(k.Drops)
		s.stats.Freezes += uint64(k.FreezeQueueCount)
	}
	return s.totals(), nil
}

// Walked is Stats.Walked without asking the kernel. Only the owner may call it.
func (s *Socket) Walked() uint64 { return s.stats.Walked }

// totals are the counters as Stats tells them.
func (s *Socket) totals() Stats {
	totals := s.stats
	totals.Received -= totals.Refused
	return totals
}

// Drain ends the capture: it reads the kernel's counters for the last time and hands the frames that they count, and
// not one more, to walk, which calls Next until it returns false. It returns when all are walked, or at the deadline:
// what is then pending shows in Stats. What the kernel still receives is neither handed out nor counted. All that is
// left to do with the socket is Close.
//
// The kernel counts a frame in the same step in which it gives it its place in the ring or queue, so this is exact
// without a word to the filter: it works while frames come at full rate, with a locked filter, and when the interface
// is gone.
func (s *Socket) Drain(deadline time.Time, walk func()) error {
	if _, err := s.Stats(); err != nil {
		return err
	}
	s.final, s.last = true, s.stats.Received-s.stats.Dropped
	s.clip()
	for s.totals().Pending() > 0 && time.Now().Before(deadline) {
		// A block that is not full reaches the reader when its time-out retires it.
		if _, err := s.Wait(deadline); err != nil && !errors.Is(err, ErrInterrupted) {
			return err
		}
		walk()
	}
	return nil
}

// Close closes the socket and unmaps the ring. Only the owner may call it: a frame that Next handed out is
// gone afterwards.
func (s *Socket) Close() error {
	err := s.conn.Close()
	s.ring.unmap()
	return opError("close", s.config.Link.Name, err, "")
}
