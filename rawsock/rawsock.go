// Package rawsock brings frames from a network interface to the caller: a mdlayher/packet socket with the
// filter attached before it is bound, and a TPACKET_V3 ring mapped on the socket's descriptor.
//
// A Ring has one owner, the goroutine that walks it with Wait and Next. SetFilter and Interrupt may be
// called from any goroutine; everything else belongs to the owner.
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
	// ErrInterrupted: Interrupt was called; the ring is intact.
	ErrInterrupted = errors.New("interrupted")
	// ErrTooLarge: the kernel has no room for the filter program (net.core.optmem_max) or it is longer
	// than 4096 instructions.
	ErrTooLarge = errors.New("filter program too large for the kernel")
)

// LinkType is the kind of header that frames of a link begin with, as a LINKTYPE_ number of the pcap format.
type LinkType uint16

// The link types that Open delivers.
const (
	LinkEthernet LinkType = 1   // Ethernet II and IEEE 802.3, and the loopback interface
	LinkRaw      LinkType = 101 // an IPv4 or IPv6 header: tunnels, PPP and every other link without a stable header
)

// Link is an interface as it is at one moment.
type Link struct {
	Name  string
	Index int // changes when an interface is deleted and made again under the same name
	Type  LinkType
	MTU   int // bytes, without the link header
	Up    bool
	// Loopback links deliver each packet once: the copy on its way out is ignored, as libpcap does.
	Loopback bool
	// datagram: the kernel cuts the link header off (SOCK_DGRAM).
	datagram bool
}

// Config says how Open maps a ring.
type Config struct {
	Link   Link
	Filter []bpf.RawInstruction // attached before the socket is bound; its return value is the snap length
	// BlockSize in bytes (a multiple of the page size) and Blocks: their product is resident memory at once.
	// Zero takes DefaultBlockSize and DefaultBlocks.
	BlockSize int
	Blocks    int
	// BlockTimeout is how long the kernel keeps a block that is not full: the latency of a lone frame, at
	// the price of wake-ups (1 ms costs twice the CPU of 100 ms at 1,000 packets/s). Zero: DefaultBlockTimeout.
	BlockTimeout time.Duration
	// Promiscuous asks the interface for frames that are addressed to other hosts.
	Promiscuous bool
}

// Frame is one frame in the ring.
type Frame struct {
	Data       []byte // from the link header; valid until the next call of Next
	Time       int64  // kernel time of receipt, nanoseconds since the Unix epoch
	WireLength uint32 // bytes on the wire without a VLAN tag that the kernel took out
	VLANTPID   uint16 // TPID of that tag; 0 when there was none
	VLANTCI    uint16
	Direction  uint8 // sll_pkttype of packet(7): 0 host, 1 broadcast, 2 multicast, 3 other host, 4 outgoing
}

// Stats counts frames since the ring was opened.
type Stats struct {
	Received uint64 // passed the filter, Dropped included
	Dropped  uint64 // of these: the ring was full
	Freezes  uint64 // how often the ring became full
	Walked   uint64 // of these: handed out by Next
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
