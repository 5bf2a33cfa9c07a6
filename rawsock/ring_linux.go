package rawsock

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"os"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"

	"github.com/mdlayher/packet"
	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

// Ring is a packet socket with its TPACKET_V3 receive ring.
type Ring struct {
	conn   *packet.Conn
	raw    syscall.RawConn
	config Config
	memory []byte // the mapped ring: Blocks × BlockSize bytes

	block  []byte // the block that Next walks, nil when none is held
	number int    // index of the next block, or of the one that is held
	left   uint32 // frames of the held block that were not handed out yet
	offset uint32 // of the next frame in the held block

	ready       func(fd uintptr) bool // made once: a closure per wait would be an allocation per wait
	deadline    time.Time             // the one that is set on the socket
	interrupted atomic.Bool

	stats Stats
}

// Offsets in a block, linux/if_packet.h: struct tpacket_block_desc with struct tpacket_hdr_v1.
const (
	blockStatus = 8
	blockFrames = 12
	blockFirst  = 16
	// A struct sockaddr_ll follows the frame header; sll_pkttype is its byte 10.
	framePacketType = unix.SizeofTpacket3Hdr + 10
)

// Open makes the socket with the filter attached, maps the ring and only then binds the socket to the
// interface: nothing that the filter refuses is ever seen. It needs CAP_NET_RAW.
func Open(c Config) (*Ring, error) {
	name := c.Link.Name
	if len(c.Filter) == 0 {
		return nil, opError("open", name, errors.New("no filter program"), "an empty expression is a program that accepts all")
	}
	if len(c.Filter) > MaxInstructions {
		return nil, opError("open", name, ErrTooLarge, fmt.Sprintf("%d instructions, at most %d", len(c.Filter), MaxInstructions))
	}
	if c.BlockSize == 0 {
		c.BlockSize = DefaultBlockSize
	}
	if c.Blocks == 0 {
		c.Blocks = DefaultBlocks
	}
	if c.BlockTimeout == 0 {
		c.BlockTimeout = DefaultBlockTimeout
	}
	kind := packet.Raw
	if c.Link.datagram {
		kind = packet.Datagram
	}
	// Protocol 0 receives nothing: the socket stays deaf until the ring stands.
	conn, err := packet.Listen(&net.Interface{Index: c.Link.Index, Name: name}, kind, 0, &packet.Config{Filter: c.Filter})
	if errors.Is(err, unix.ENOMEM) {
		return nil, opError("attach the filter", name, errors.Join(ErrTooLarge, err), "shorten the filter or raise net.core.optmem_max")
	}
	if err != nil {
		return nil, openError(name, c.BlockSize*c.Blocks, err)
	}
	r := &Ring{conn: conn, config: c}
	if err := r.open(); err != nil {
		conn.Close()
		r.unmap()
		return nil, openError(name, c.BlockSize*c.Blocks, err)
	}
	return r, nil
}

func openError(name string, size int, err error) error {
	switch {
	case errors.Is(err, os.ErrPermission):
		return opError("open", name, err, "capturing needs root or CAP_NET_RAW: setcap cap_net_raw+ep on the binary")
	case errors.Is(err, unix.ENODEV), errors.Is(err, unix.ENXIO):
		return opError("open", name, errors.Join(ErrNoInterface, err), "see `ip link`")
	case errors.Is(err, unix.ENOMEM):
		return opError("open", name, err, fmt.Sprintf("no memory for a ring of %d KiB", size>>10))
	}
	return opError("open", name, err, "")
}

func (r *Ring) open() error {
	raw, err := r.conn.SyscallConn()
	if err != nil {
		return err
	}
	r.raw = raw
	var inner error
	if err := raw.Control(func(fd uintptr) { inner = r.mapRing(int(fd)) }); err != nil {
		return err
	}
	if inner != nil {
		return inner
	}
	r.ready = func(uintptr) bool { return r.blockReady() }
	if r.config.Promiscuous && !r.config.Link.Loopback {
		return r.conn.SetPromiscuous(true)
	}
	return nil
}

func (r *Ring) mapRing(fd int) error {
	c := &r.config
	if err := unix.SetsockoptInt(fd, unix.SOL_PACKET, unix.PACKET_VERSION, unix.TPACKET_V3); err != nil {
		return os.NewSyscallError("PACKET_VERSION", err)
	}
	if c.Link.Loopback {
		if err := unix.SetsockoptInt(fd, unix.SOL_PACKET, unix.PACKET_IGNORE_OUTGOING, 1); err != nil {
			return os.NewSyscallError("PACKET_IGNORE_OUTGOING", err)
		}
	}
	// TPACKET_V3 packs frames by their real size; the frame size only has to divide the block.
	const frameSize = 2048
	req := unix.TpacketReq3{
		Block_size:     uint32(c.BlockSize),
		Block_nr:       uint32(c.Blocks),
		Frame_size:     frameSize,
		Frame_nr:       uint32(c.BlockSize / frameSize * c.Blocks),
		Retire_blk_tov: uint32(c.BlockTimeout.Milliseconds()),
	}
	if err := unix.SetsockoptTpacketReq3(fd, unix.SOL_PACKET, unix.PACKET_RX_RING, &req); err != nil {
		return os.NewSyscallError("PACKET_RX_RING", err)
	}
	memory, err := unix.Mmap(fd, 0, c.BlockSize*c.Blocks, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		return os.NewSyscallError("mmap", err)
	}
	r.memory = memory
	err = unix.Bind(fd, &unix.SockaddrLinklayer{Protocol: networkOrder(unix.ETH_P_ALL), Ifindex: c.Link.Index})
	return os.NewSyscallError("bind", err)
}

func networkOrder(v uint16) uint16 {
	var b [2]byte
	binary.BigEndian.PutUint16(b[:], v)
	return binary.NativeEndian.Uint16(b[:])
}

// Link is the interface as it was when the ring was opened.
func (r *Ring) Link() Link { return r.config.Link }

// Size is the ring's memory in bytes.
func (r *Ring) Size() int { return len(r.memory) }

func (r *Ring) blockReady() bool {
	status := statusOf(r.memory[r.number*r.config.BlockSize:])
	return atomic.LoadUint32(status)&unix.TP_STATUS_USER != 0
}

// Wait blocks until Next has something to give (true), or until the deadline (false). A zero deadline waits
// for ever. After Interrupt it returns ErrInterrupted, once; a link that goes down is no error.
func (r *Ring) Wait(deadline time.Time) (bool, error) {
	if r.takeInterrupt() {
		return false, ErrInterrupted
	}
	if r.block != nil || r.blockReady() {
		return true, nil
	}
	if !deadline.Equal(r.deadline) {
		if err := r.conn.SetReadDeadline(deadline); err != nil {
			return false, opError("wait", r.config.Link.Name, err, "")
		}
		r.deadline = deadline
	}
	// After the deadline was set, so that an Interrupt in between is not overwritten by it.
	if r.takeInterrupt() {
		return false, ErrInterrupted
	}
	err := r.raw.Read(r.ready)
	switch {
	case err == nil:
		return true, nil
	case errors.Is(err, os.ErrDeadlineExceeded):
		r.deadline = past
		if r.takeInterrupt() {
			return false, ErrInterrupted
		}
		return false, nil
	case errors.Is(err, unix.ENETDOWN):
		return r.blockReady(), nil
	}
	return false, opError("wait", r.config.Link.Name, err, "")
}

// takeInterrupt consumes an Interrupt; the next Wait then sets its deadline anew.
func (r *Ring) takeInterrupt() bool {
	if !r.interrupted.Load() || !r.interrupted.Swap(false) {
		return false
	}
	r.deadline = past
	return true
}

// past is a deadline that no caller asks for: it stands for one on the socket that has passed.
var past = time.Unix(1, 0)

// Interrupt ends the owner's Wait, or the next one, with ErrInterrupted. Any goroutine may call it.
func (r *Ring) Interrupt() {
	r.interrupted.Store(true)
	// An error means that the ring is closed: then nobody waits.
	_ = r.conn.SetReadDeadline(past)
}

// Next hands out the next frame. It never blocks, and returns false at the end of each block, so that an
// owner who is behind still comes by its other duties: call Wait, which returns at once when more is there.
//
// The walk stays inside the held block whatever its headers say, because every access but the header's is a
// slice expression on that block.
func (r *Ring) Next(f *Frame) bool {
	if r.left == 0 && !r.turn() {
		return false
	}
	b := r.block[r.offset:]
	f.Direction = b[framePacketType] // behind the header: from here on the whole header is inside b
	h := (*unix.Tpacket3Hdr)(unsafe.Pointer(&b[0]))
	mac := uint32(h.Mac)
	f.Data = b[mac : mac+h.Snaplen : mac+h.Snaplen]
	f.Time = int64(h.Sec)*1e9 + int64(h.Nsec)
	f.WireLength = h.Len
	f.VLANTPID, f.VLANTCI = 0, 0
	if h.Status&unix.TP_STATUS_VLAN_VALID != 0 {
		f.VLANTCI, f.VLANTPID = uint16(h.Hv1.Vlan_tci), unix.ETH_P_8021Q
		if h.Status&unix.TP_STATUS_VLAN_TPID_VALID != 0 {
			f.VLANTPID = h.Hv1.Vlan_tpid
		}
	}
	r.offset += h.Next_offset
	r.left--
	r.stats.Walked++
	return true
}

// turn gives the held block back to the kernel, or takes the next one when none is held. It reports whether
// a block with frames is held.
func (r *Ring) turn() bool {
	if r.block != nil {
		atomic.StoreUint32(statusOf(r.block), unix.TP_STATUS_KERNEL)
		r.block = nil
		r.number++
		if r.number == r.config.Blocks {
			r.number = 0
		}
		return false
	}
	if !r.blockReady() {
		return false
	}
	start := r.number * r.config.BlockSize
	r.block = r.memory[start : start+r.config.BlockSize]
	r.left = binary.NativeEndian.Uint32(r.block[blockFrames:])
	r.offset = binary.NativeEndian.Uint32(r.block[blockFirst:])
	return r.left > 0
}

func statusOf(block []byte) *uint32 { return (*uint32)(unsafe.Pointer(&block[blockStatus])) }

// SetFilter replaces the filter on the running socket, atomically: no frame passes outside of both. What
// the old filter accepted is still in the ring. Any goroutine may call it.
func (r *Ring) SetFilter(prog []bpf.RawInstruction) error {
	if len(prog) > MaxInstructions {
		return opError("replace the filter", r.config.Link.Name, ErrTooLarge, "")
	}
	err := r.conn.SetBPF(prog)
	if errors.Is(err, unix.ENOMEM) {
		err = errors.Join(ErrTooLarge, err)
	}
	return opError("replace the filter", r.config.Link.Name, err, "the old one stays")
}

// Stats reads the kernel's counters and adds them up: the kernel's own are 32 bits wide and start anew at
// each read.
func (r *Ring) Stats() (Stats, error) {
	s, err := r.conn.Stats()
	if err != nil {
		return r.stats, opError("read the statistics", r.config.Link.Name, err, "")
	}
	r.stats.Received += uint64(s.Packets)
	r.stats.Dropped += uint64(s.Drops)
	r.stats.Freezes += uint64(s.FreezeQueueCount)
	return r.stats, nil
}

// Drain refuses all further frames in the kernel and hands what was accepted before to walk, which calls
// Next until it returns false. It returns when kernel and reader agree on the number of frames, or at the
// deadline: what is then pending shows in Stats. Nobody may call SetFilter from then on.
func (r *Ring) Drain(deadline time.Time, walk func()) error {
	refuse, err := bpf.Assemble([]bpf.Instruction{bpf.RetConstant{Val: 0}})
	if err != nil {
		return err
	}
	if err := r.SetFilter(refuse); err != nil {
		return err
	}
	return r.settle(deadline, drainQuiet, walk)
}

// Settle hands what the ring still holds to walk, when no more can come: the interface is gone.
func (r *Ring) Settle(deadline time.Time, walk func()) error {
	return r.settle(deadline, 0, walk)
}

// settle walks until nothing is pending, seen so often in a row after waiting.
func (r *Ring) settle(deadline time.Time, quietEnough int, walk func()) error {
	quiet := 0
	for {
		s, err := r.Stats()
		if err != nil {
			return err
		}
		if s.Pending() == 0 && quiet >= quietEnough || time.Now().After(deadline) {
			return nil
		}
		// A block that is not full reaches the reader when its time-out retires it.
		step := time.Now().Add(2 * r.config.BlockTimeout)
		ready, err := r.Wait(step)
		if err != nil && !errors.Is(err, ErrInterrupted) {
			return err
		}
		walk()
		quiet++
		if ready {
			quiet = 0
		}
	}
}

// Close closes the socket and unmaps the ring. Only the owner may call it: a frame that Next handed out is
// gone afterwards.
func (r *Ring) Close() error {
	err := r.conn.Close()
	r.unmap()
	return opError("close", r.config.Link.Name, err, "")
}

func (r *Ring) unmap() {
	if r.memory != nil {
		// Nothing is left to do when the kernel refuses: the mapping ends with the process.
		_ = unix.Munmap(r.memory)
		r.memory, r.block = nil, nil
	}
}
