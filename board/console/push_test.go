package console

import (
	"bytes"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"network-sniffer/decode"
	"network-sniffer/rawsock/savefile"
)

// fakePusher keeps what was pushed, up to a number of packets.
type fakePusher struct {
	mu      sync.Mutex
	room    int // 0: no bound
	packets []decode.Packet
	refused uint64
	from    netip.Addr
}

func (f *fakePusher) Push(from netip.Addr, p *decode.Packet) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.room > 0 && len(f.packets) == f.room {
		return errors.New("the disk is full\x1b")
	}
	f.packets, f.from = append(f.packets, *p), from
	return nil
}

func (f *fakePusher) Refuse(from netip.Addr, n uint64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.refused += n
}

const pushed = `{"src_ip":"192.168.1.20","dst_ip":"142.250.74.36","src_port":51544,"dst_port":443,"seq_number":1,"ack_number":0,"flags":2,"window_size":64240}`

func TestPushLines(t *testing.T) {
	sink := &fakePusher{room: 2}
	inBubble(t, Config{Push: sink}, func(b bubble) {
		tap := b.srv.NewTap()
		c := b.connect(true)
		c.take()
		if got := c.ask("push"); got != "A JSON object a line; a line with a dot ends it.\r\n" {
			t.Errorf("push: %q", got)
		}
		offer(tap, 3) // not shown between the answers
		settle()
		if got := c.ask(pushed); !strings.HasPrefix(got, "Understood: 192.168.1.20:51544 → 142.250.74.36:443 TCP [SYN]") {
			t.Errorf("a packet: %q", got)
		}
		if got := c.ask(`{"src_ip":"x\u001b"}`); !strings.HasPrefix(got, "Refused: ") || strings.Contains(got, "\x1b") {
			t.Errorf("a wrong one: %q", got)
		}
		c.ask(pushed)
		if got := c.ask(pushed); got != "Lost: the disk is full\\x1b\r\n" {
			t.Errorf("a lost one: %q", got)
		}
		c.ask(".")
		if got := c.ask("hello"); !strings.Contains(got, "Received message: hello\r\n") {
			t.Errorf("after the dot: %q", got)
		}
		if got := b.srv.Counters(); got.Pushed != 3 || got.PushRefused != 1 || len(sink.packets) != 2 || sink.refused != 1 || sink.from.String() != "10.0.0.2" {
			t.Errorf("counters %+v, sink %+v", got, sink)
		}
		offer(tap, 1)
		settle()
		checkDue(t, b.srv, 4)
	})
}

func TestPushOfAProgram(t *testing.T) {
	sink := new(fakePusher)
	inBubble(t, Config{Push: sink}, func(b bubble) {
		_, got := b.program("push " + pushed + "\npush\n" + pushed + "\nnonsense\n")
		if strings.Count(got, "Understood: ") != 2 || strings.Count(got, "Refused: ") != 1 || strings.Count(got, "\r\n") != 3 {
			t.Errorf("answered %q", got)
		}
	})
}

// A line that is too long to be looked at was sent all the same: it is refused and counted, once, and the next is taken.
func TestPushTooLong(t *testing.T) {
	sink := new(fakePusher)
	inBubble(t, Config{Push: sink}, func(b bubble) {
		_, got := b.program("push\n" + strings.Repeat("x", 5*LineBytes) + "\n" + pushed + "\n")
		if !strings.Contains(got, "longer than") || strings.Count(got, "Understood: ") != 1 {
			t.Errorf("answered %q", got)
		}
		if c := b.srv.Counters(); sink.refused != 1 || c.PushRefused != 1 || c.LinesTooLong != 1 || len(sink.packets) != 1 {
			t.Errorf("%d refused, %d taken, %+v", sink.refused, len(sink.packets), c)
		}
	})
}

// A capture may come in pieces of any size; what is cut off is refused by its number.
func TestPushCapture(t *testing.T) {
	var file bytes.Buffer
	writePackets(t, savefile.NewPcapWriter(&file), 5)
	tests := []struct {
		name    string
		bytes   []byte
		packets int
		want    string
	}{
		{"whole", file.Bytes(), 5, "Understood: 5 packets\r\n"},
		{"cut off", file.Bytes()[:file.Len()-1], 4, "Understood: 4 packets\r\nRefused, and what follows: "},
		{"no capture", []byte("GET / HTTP/1.1\r\nHost: x\r\n\r\n, and so on for a while"), 0, "Understood: 0 packets\r\nRefused, and what follows: "},
		{"nothing", nil, 0, "Understood: 0 packets\r\nRefused, and what follows: "},
	}
	for _, tt := range tests {
		for _, size := range []int{1, 7, 1000} {
			t.Run(fmt.Sprintf("%s by %d", tt.name, size), func(t *testing.T) {
				sink := new(fakePusher)
				_, c := meet(t, Config{Push: sink}, func(c *client) { c.send("push pcap\n") })
				for piece := range bytesIn(tt.bytes, size) {
					c.send(string(piece))
				}
				c.conn.CloseWrite()
				if got := c.rest(); !strings.HasPrefix(got, tt.want) {
					t.Errorf("answered %q, want %q", got, tt.want)
				}
				if len(sink.packets) != tt.packets || (sink.refused != 0) != (tt.want != "Understood: 5 packets\r\n") {
					t.Errorf("%d packets, %d refused", len(sink.packets), sink.refused)
				}
			})
		}
	}
}

// Whatever ends the command's line, the capture begins behind it: one in pcapng has an LF of its own there.
func TestPushCaptureBehindALine(t *testing.T) {
	var pcap, pcapng bytes.Buffer
	writePackets(t, savefile.NewPcapWriter(&pcap), 5)
	w, err := savefile.NewPcapngWriter(&pcapng, savefile.Section{})
	if err != nil {
		t.Fatal(err)
	}
	writePackets(t, w, 5)
	for name, capture := range map[string][]byte{"pcap": pcap.Bytes(), "pcapng": pcapng.Bytes()} {
		for _, end := range []string{"\n", "\r\n", "\r", "\r\x00"} {
			for _, apart := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s behind %q, apart %v", name, end, apart), func(t *testing.T) {
					inBubble(t, Config{Push: new(fakePusher)}, func(b bubble) {
						c := b.open(PortConsole, true, nil)
						sent := [][]byte{append([]byte("push pcap"+end), capture...)}
						if apart { // each byte around the line's end comes alone, after what was taken for the opening
							sent = append([][]byte{[]byte("push pcap" + end[:1])}, bytes.SplitAfterN([]byte(end[1:]+string(capture)), nil, 4)...)
						}
						for _, piece := range sent {
							c.send(string(piece))
							time.Sleep(2 * openingPause)
						}
						if c.take(); b.srv.Counters().Pushed != 5 {
							t.Errorf("%+v", b.srv.Counters())
						}
					})
				})
			}
		}
	}
}

// Megabytes come through as fast as they are read: the bound of what waits in the kernel slows the client, and does not make
// it send anything again.
func TestPushOfALargeCapture(t *testing.T) {
	const packets = 50_000
	sink := new(fakePusher)
	var file bytes.Buffer
	writePackets(t, savefile.NewPcapWriter(&file), packets)
	_, c := meet(t, Config{Push: sink}, func(c *client) { c.send("push pcap\n") })
	c.send(file.String())
	c.conn.CloseWrite()
	if got := c.rest(); got != fmt.Sprintf("Understood: %d packets\r\n", packets) {
		t.Errorf("answered %q", got)
	}
}

// writePackets writes a capture of n packets.
func writePackets(t *testing.T, w *savefile.Writer, n int) {
	t.Helper()
	if _, err := w.AddInterface(savefile.Interface{LinkType: savefile.LinkTypeRaw}); err != nil {
		t.Fatal(err)
	}
	for i := range n {
		f := savefile.Frame{Data: tcpFrame(uint16(i)), WireLength: 40, Time: int64(i), LinkType: savefile.LinkTypeRaw}
		if err := w.WriteFrame(&f); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
}

// bytesIn cuts b in pieces.
func bytesIn(b []byte, size int) func(func([]byte) bool) {
	return func(yield func([]byte) bool) {
		for len(b) > 0 {
			n := min(size, len(b))
			if !yield(b[:n]) {
				return
			}
			b = b[n:]
		}
	}
}
