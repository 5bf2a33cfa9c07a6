package console

import (
	"fmt"
	"net"
	"testing"
	"time"

	"network-sniffer/decode"
)

// discard is a connection that takes everything at once.
type discard struct{ net.Conn }

func (discard) LocalAddr() net.Addr              { return &net.TCPAddr{} }
func (discard) RemoteAddr() net.Addr             { return &net.TCPAddr{} }
func (discard) SetWriteDeadline(time.Time) error { return nil }
func (discard) Write(b []byte) (int, error)      { return len(b), nil }

// ethernetFrame is tcpFrame behind a link header.
func ethernetFrame(srcPort uint16) []byte {
	return append([]byte{2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0}, tcpFrame(srcPort)...)
}

var ethernetMeta = decode.Meta{Time: rawMeta.Time, WireLength: 54, LinkType: decode.LinkEthernet, Direction: decode.In}

// BenchmarkStream is a packet's cost to one session, all of it but the system call: a batch of packets from the ring to the bytes
// of the writes.
func BenchmarkStream(b *testing.B) {
	for _, row := range []struct {
		name, filter string
		kind         viewKind
	}{
		{"watch", "", viewWatch}, {"watch, filter that matches", "tcp port 443", viewWatch}, {"watch, filter that does not", "udp port 53", viewWatch},
		{"json", "", viewJSON}, {"csv", "", viewCSV}, {"pcap", "", viewCapture}, {"top", "", viewTop},
	} {
		b.Run(row.name, func(b *testing.B) {
			srv := New(Config{Source: porch, LinesPerSecond: -1, InterfaceName: func(uint8) string { return "eth0" }})
			s := newSession(srv, discard{}, PortConsole)
			f, ok := s.compile(row.filter)
			if !ok {
				b.Fatal(row.filter)
			}
			switch row.kind {
			case viewCapture:
				s.capture(f)
			case viewTop:
				s.top("")
			default:
				s.stream(newView(s, row.kind, f))
			}
			s.view.looked.rate = -1
			const batch = 100
			var records []byte
			data := ethernetFrame(1)
			for range batch {
				records = appendRecord(append(records, make([]byte, recordSize(len(data)))...)[:len(records)], &ethernetMeta, 1, data)
			}
			var out []byte
			bytes := 0
			b.ReportAllocs()
			for b.Loop() {
				srv.hub.ring.put(records, 0)
				for more := true; more; {
					p := s.compose(out[:0])
					out, more = p.bytes, p.more
					bytes += len(out)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*batch), "ns/packet")
			b.ReportMetric(float64(bytes)/float64(b.N*batch), "bytes/packet")
		})
	}
}

// BenchmarkRound is the hub's: 100 frames from the inbox into the ring, and so many sessions woken, none of which runs.
func BenchmarkRound(b *testing.B) {
	for _, sessions := range []int{0, 64, 1000} {
		b.Run(fmt.Sprintf("sessions=%d", sessions), func(b *testing.B) {
			srv := New(Config{Source: porch})
			for range sessions {
				srv.hub.watch(newSession(srv, discard{}, PortConsole))
			}
			srv.hub.demand.Store(demandAll)
			tap := srv.NewTap()
			data := ethernetFrame(1)
			b.ReportAllocs()
			for b.Loop() {
				for range 100 {
					tap.Offer(&ethernetMeta, 1, data)
				}
				tap.Flush()
				srv.hub.catchUp()
			}
		})
	}
}
