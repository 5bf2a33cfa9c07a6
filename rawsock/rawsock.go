// Package rawsock brings frames from a network interface to the caller: a packet socket with the filter in the
// kernel before the socket hears anything, read through a TPACKET_V3 ring or, where there is none, frame by frame.
//
// A Socket has one owner, the goroutine that walks it with Wait and Next. SetFilter, AllowUserSpace, Interrupt and Bound
// may be called from any goroutine; everything else belongs to the owner. Several sockets may share the work of one
// interface: see OpenGroup.
//
// # Where the filter runs
//
// In the kernel. Where the kernel refuses the program, Open fails with ErrFilterRefused (with ErrTooLarge too when
// a shorter one might be taken), unless Config.AllowUserSpace is set: then the program runs in this package, the
// kernel hands over every frame whole, and Stats.Refused counts what the program refused. Nothing that the filter
// refuses reaches the caller either way; InUserSpace says which it is. A socket whose filter came to user space
// keeps it there until it is closed.
package rawsock

import (
	"errors"
	"fmt"
	"time"

	"golang.org/x/net/bpf"
)

// Errors of this package, for errors.Is. Errors of the kernel are wrapped and match os.ErrPermission,
// syscall.ENODEV and the like.
var (
	// ErrNoInterface: no interface of that name exists now. It may appear later: see LinkWatcher.
	ErrNoInterface = errors.New("no such interface")
	// ErrInterrupted: Interrupt was called; the socket is intact.
	ErrInterrupted = errors.New("interrupted")
	// ErrFilterRefused: the kernel does not take the filter program. Config.AllowUserSpace is the way out.
	ErrFilterRefused = errors.New("the kernel refuses the filter program")
	// ErrTooLarge is an ErrFilterRefused: the kernel has no room for the program (net.core.optmem_max) or it is
	// longer than MaxInstructions. A shorter one may be taken.
	ErrTooLarge = fmt.Errorf("%w: too large", ErrFilterRefused)
	// ErrLinkDown: this kernel makes a group of sockets only while the link is up. See LinkWatcher.
	ErrLinkDown = errors.New("the link is down")
	// ErrLocked: the filter was locked (Config.LockFilter) and stays as it is.
	ErrLocked = errors.New("the filter is locked")
)

// LinkType is the kind of header that frames of a link begin with, as a LINKTYPE_ number of the pcap format.
type LinkType uint16

// The link types that Open delivers.
const (
	LinkEthernet LinkType = 1   // Ethernet II and IEEE 802.3, and the loopback interface
	LinkRaw      LinkType = 101 // an IPv4 or IPv6 header: tunnels, PPP and other links that carry IP alone
	// LinkCooked is LINUX_SLL2: a header of 20 bytes made of what packet(7) tells of a frame, for every other link
	// and for Any. The filter runs on the bytes behind that header.
	LinkCooked LinkType = 276
)

// Any is the name of a link that stands for all interfaces, those to come included.
const Any = "any"

// Link is an interface as it is at one moment.
type Link struct {
	Name  string
	Index int // changes when an interface is deleted and made again under the same name; 0: Any
	Type  LinkType
	MTU   int // bytes, without the link header; 0: Any
	Up    bool
	// Loopback links deliver each packet once: the copy on its way out is refused, as libpcap does.
	Loopback bool
}

// Mode is the way frames take from the kernel.
type Mode uint8

const (
	ModeAuto Mode = iota // a ring, or plain reads where the kernel refuses one
	ModeRing             // a TPACKET_V3 ring
	ModeRead             // one recvmsg(2) a frame: many times the price of a ring, and hardly any memory
)

func (m Mode) String() string {
	switch m {
	case ModeRing:
		return "ring"
	case ModeRead:
		return "read"
	}
	return "auto"
}

// Config says how Open makes a socket.
type Config struct {
	Link   Link
	Filter []bpf.RawInstruction // stands before the socket is bound; its return value is the snap length
	Mode   Mode
	// BlockSize in bytes (a multiple of the page size) and Blocks: their product is resident memory at once.
	// Zero takes DefaultBlockSize and DefaultBlocks.
	BlockSize int
	Blocks    int
	// BlockTimeout is how long the kernel keeps a block that is not full: the latency of a lone frame, at
	// the price of wake-ups (1 ms costs twice the CPU of 100 ms at 1,000 packets/s). Zero: DefaultBlockTimeout.
	BlockTimeout time.Duration
	// ReceiveBuffer is what the kernel may hold for plain reads, in bytes: it doubles the number and takes about 1,000 of
	// them for a frame, however little of it is captured (socket(7), SO_RCVBUF). Zero: DefaultReceiveBuffer. Without
	// CAP_NET_ADMIN net.core.rmem_max is the most.
	ReceiveBuffer int
	// Promiscuous asks the interface for frames that are addressed to other hosts.
	Promiscuous bool
	// HardwareTime asks for the interface's own time of receipt: see Socket.HardwareTime.
	HardwareTime bool
	// LockFilter makes the filter final (SO_LOCK_FILTER): not even this process can change it any more.
	LockFilter bool
	// AllowUserSpace lets the filter run in this process where the kernel refuses it, and be of up to
	// MaxUserInstructions.
	AllowUserSpace bool
}

// Frame is one frame as the kernel gave it.
type Frame struct {
	Data       []byte // from the link header; valid until the next call of Next or Wait
	Time       int64  // kernel time of receipt, nanoseconds since the Unix epoch
	WireLength uint32 // bytes on the wire without a VLAN tag that the kernel took out; with the header of LinkCooked
	Interface  int32  // index of the interface that saw it
	VLANTPID   uint16 // TPID of that tag; 0 when there was none
	VLANTCI    uint16
	Direction  uint8 // sll_pkttype of packet(7): 0 host, 1 broadcast, 2 multicast, 3 other host, 4 outgoing
	// Partial: the transport checksum is not there yet, the host leaves it to the network card.
	Partial bool
}

// Stats counts frames since the socket was opened.
type Stats struct {
	Received uint64 // passed the filter, Dropped included
	Dropped  uint64 // of these: the ring or the receive buffer was full; a filter in user space never saw them
	Walked   uint64 // of these: handed out by Next
	Partial  uint64 // of these: Frame.Partial
	Freezes  uint64 // how often the ring became full
	Refused  uint64 // not in Received: the program in user space refused them
}

// Pending is the number of frames that the kernel has counted and Next has not yet handed out.
func (s Stats) Pending() uint64 { return s.Received - s.Dropped - s.Walked }

// opError says what failed, on which interface, and what to do when that is known.
func opError(op, iface string, err error, hint string) error {
	if err == nil {
		return nil
	}
	if hint != "" {
		return fmt.Errorf("rawsock: %s on %s: %w (%s)", op, iface, err, hint)
	}
	return fmt.Errorf("rawsock: %s on %s: %w", op, iface, err)
}
