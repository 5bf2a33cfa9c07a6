package console

import (
	"bytes"
	"cmp"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"network-sniffer/decode"
	"network-sniffer/rawsock/savefile"
)

func TestJSONStream(t *testing.T) {
	inBubble(t, Config{}, func(b bubble) {
		tap := b.srv.NewTap()
		c, got := b.program("json src port 2 or src port 3\n")
		if got != "" {
			t.Errorf("before a packet: %q", got)
		}
		offer(tap, 200) // more than a person is shown
		settle()
		lines := strings.Split(strings.TrimSuffix(c.take(), "\n"), "\n")
		if len(lines) != 2 {
			t.Fatalf("%d lines", len(lines))
		}
		for i, line := range lines {
			var p struct {
				Device  string `json:"device"`
				SrcPort int    `json:"src_port"`
				DstIP   string `json:"dst_ip"`
			}
			if err := json.Unmarshal([]byte(line), &p); err != nil || p.Device != "porch" || p.SrcPort != i+2 || p.DstIP != "142.250.74.36" {
				t.Errorf("line %q: %+v, %v", line, p, err)
			}
		}
		if got := c.ask("help"); got != "" {
			t.Errorf("a line typed into the stream is answered %q", got)
		}
	})
}

// Many packets reach a program as fast as it reads, all of them.
func TestStreamHasNoRate(t *testing.T) {
	inBubble(t, Config{}, func(b bubble) {
		tap := b.srv.NewTap()
		c, _ := b.program("json\n")
		for range 50 {
			offer(tap, 100)
			settle()
		}
		if got := strings.Count(c.take(), "\n"); got != 5000 {
			t.Errorf("%d lines of 5000", got)
		}
		checkDue(t, b.srv, 5000)
	})
}

func TestCSVStream(t *testing.T) {
	inBubble(t, Config{}, func(b bubble) {
		tap := b.srv.NewTap()
		c, header := b.program("csv tcp\n")
		offer(tap, 3)
		settle()
		all, err := csv.NewReader(strings.NewReader(header + c.take())).ReadAll()
		if err != nil || len(all) != 4 || strings.Join(all[0], ",") != decode.CSVHeader() {
			t.Errorf("%d records, %v: %v", len(all), err, all)
		}
	})
}

// The capture is what was offered, for a program that asked and for one that connected to the port.
func TestCaptureStream(t *testing.T) {
	for _, tt := range []struct {
		name string
		port Port
		ask  string
	}{{"pcap", PortConsole, "pcap\n"}, {"port", PortCapture, ""}} {
		t.Run(tt.name, func(t *testing.T) {
			inBubble(t, Config{InterfaceName: func(i uint8) string { return fmt.Sprintf("lan%d", i) }}, func(b bubble) {
				tap := b.srv.NewTap()
				c := b.open(tt.port, true, nil)
				if tt.ask != "" {
					c.send(tt.ask)
				}
				beginning()
				offer(tap, 64)
				m := rawMeta
				m.Interface, m.LinkType, m.Direction, m.WireLength = 3, decode.LinkEthernet, decode.Out, 1500
				tap.Offer(&m, 9, make([]byte, 64))
				tap.Flush()
				settle()
				r, err := savefile.NewReader(strings.NewReader(c.take()))
				if err != nil {
					t.Fatal(err)
				}
				var f savefile.Frame
				for i := range 65 {
					if err := r.Next(&f); err != nil {
						t.Fatalf("frame %d: %v", i, err)
					}
					if i < 64 && !bytes.Equal(f.Data, tcpFrame(uint16(i+1))) || f.Time != rawMeta.Time {
						t.Errorf("frame %d is %+v", i, f)
					}
				}
				if name := r.Interfaces()[f.Interface].Name; name != "lan3" || f.WireLength != 1500 || f.Direction != savefile.DirectionOut {
					t.Errorf("the last is %+v of %s", f, name)
				}
				if err := r.Next(&f); err != io.EOF {
					t.Errorf("then %v", err)
				}
				checkDue(t, b.srv, 65)
			})
		})
	}
}

// Who has something to say on the port of captures is no Wireshark.
func TestCapturePortListensToNobody(t *testing.T) {
	inBubble(t, Config{}, func(b bubble) {
		early := b.open(PortCapture, true, nil)
		early.send("GET / HTTP/1.1\r\n")
		<-early.end
		if got := early.take(); got != "" {
			t.Errorf("answered %q", got)
		}
		late := b.open(PortCapture, true, nil)
		beginning()
		late.take()
		late.send("quit\r\n")
		<-late.end
		if n := b.srv.Counters(); n.ClosedForeign != 2 || n.Commands != 0 {
			t.Errorf("%+v", n)
		}
	})
}

func TestHex(t *testing.T) {
	inBubble(t, Config{}, func(b bubble) {
		tap := b.srv.NewTap()
		c := b.connect(true)
		c.take()
		c.ask("hex src port 2")
		offer(tap, 3)
		settle()
		got := c.take()
		if strings.Count(got, ":2 →") != 1 || !strings.Contains(got, "45 00 00 28") || strings.Contains(got, ":1 →") {
			t.Errorf("got %q", got)
		}
		offer(tap, 3) // as before
		settle()
		if got := strings.Count(c.take(), " TCP"); got != 3 {
			t.Errorf("then %d packets", got)
		}
	})
}

// A program's hex ends with its packet.
func TestHexOfAProgram(t *testing.T) {
	srv, c := meet(t, Config{}, all("hex src port 2\n"))
	tap := srv.NewTap()
	done := make(chan string, 1)
	go func() { done <- c.rest() }()
	for {
		offer(tap, 3)
		select {
		case got := <-done:
			if strings.Count(got, "45 00 00 28") != 1 {
				t.Errorf("got %q", got)
			}
			return
		case <-time.After(10 * time.Millisecond): // the next packets
		}
	}
}

func TestFollow(t *testing.T) {
	inBubble(t, Config{}, func(b bubble) {
		tap := b.srv.NewTap()
		c := b.connect(true)
		c.take()
		if got := c.ask("follow 192.168.1.20:7 142.250.74.36:443"); got != "→ is from 192.168.1.20:7, ← from 142.250.74.36:443. watch ends this.\r\n" {
			t.Errorf("got %q", got)
		}
		there := tcpFrame(7)
		copy(there[24:], []byte{0, 0, 3, 232}) // sequence number 1000
		back := tcpFrame(0)
		copy(back[12:], []byte{142, 250, 74, 36, 192, 168, 1, 20})
		copy(back[20:], []byte{1, 187, 0, 7, 0, 0, 1, 0, 0, 0, 3, 233}) // seq 256 ack 1001
		back[33] = flagSYN | flagACK
		m := rawMeta
		tap.Offer(&m, 1, there)
		m.Time += 1_500_000
		tap.Offer(&m, 1, back)
		tap.Offer(&m, 1, tcpFrame(8))
		tap.Flush()
		settle()
		want := "22:13:20.000000 +0.000000 → [SYN] seq 0 win 0 len 0\r\n22:13:20.001500 +0.001500 ← [SYN,ACK] seq 0 ack 1 win 0 len 0\r\n"
		if got := c.take(); got != want {
			t.Errorf("got  %q\nwant %q", got, want)
		}
	})
}

func TestLast(t *testing.T) {
	inBubble(t, Config{}, func(b bubble) {
		tap := b.srv.NewTap()
		offer(tap, lastFrames+10) // nobody watches
		c := b.connect(true)
		c.take()
		if got := c.ask("last 2"); strings.Count(got, " TCP") != 2 || !strings.Contains(got, ":63 →") || !strings.Contains(got, ":64 →") {
			t.Errorf("last 2: %q", got)
		}
		offer(tap, 5)
		settle()
		c.take()
		got := c.ask("last 7")
		if strings.Count(got, " TCP") != 7 || !strings.HasSuffix(got, "… 10 packets between them are not in memory\r\n") {
			t.Errorf("last 7: %q", got)
		}
		c.ask("filter src port 3")
		if got := c.ask("last"); strings.Count(got, ":3 →") != 2 || strings.Count(got, " TCP") != 2 {
			t.Errorf("with a filter: %q", got)
		}
		// Packets that come in the middle of a long answer wait, and are told.
		checkDue(t, b.srv, 5)
	})
}

func TestTopOfAPerson(t *testing.T) {
	inBubble(t, Config{}, func(b bubble) {
		tap := b.srv.NewTap()
		c := b.connect(true)
		c.take()
		if got := c.ask("top hosts 5 2"); got != "Looking for 2 s …\r\n" {
			t.Errorf("got %q", got)
		}
		for range 2 {
			offer(tap, 50)
			time.Sleep(2 * time.Second)
			if got := c.take(); !strings.Contains(got, "192.168.1.20") || strings.Contains(got, "\x1b") || strings.Count(got, "142.250.74.36") != 1 {
				t.Errorf("the table is %q", got)
			}
		}
		c.ask("") // any line ends it
		if n := b.srv.tables.Load(); n != 0 {
			t.Errorf("%d tables are left", n)
		}
		offer(tap, 1)
		settle()
		if got := strings.Count(c.take(), " TCP"); got != 1 {
			t.Errorf("then %d packets", got)
		}
		checkDue(t, b.srv, 101)
	})
}

// A program that has said all gets one table.
func TestTopOfAProgram(t *testing.T) {
	_, c := meet(t, Config{}, all("top ports 5 1\n"))
	if got := c.rest(); strings.Count(got, "\r\n") < 2 {
		t.Errorf("got %q", got)
	}
}

func TestTopAsJSON(t *testing.T) {
	inBubble(t, Config{}, func(b bubble) {
		tap := b.srv.NewTap()
		c, _ := b.program("top protocols 3 1 --json\n")
		for range 2 {
			offer(tap, 7)
			time.Sleep(time.Second)
			var table struct{ Packets int }
			if got := c.take(); json.Unmarshal([]byte(got), &table) != nil || table.Packets != 7 || strings.Count(got, "\n") != 1 {
				t.Errorf("got %q", got)
			}
		}
		// No text stands in what a program takes for JSON.
		if got := c.ask("version"); got != "" {
			t.Errorf("a line typed into the stream is answered %q", got)
		}
		b.srv.Close()
		if got := c.take(); got != "" {
			t.Errorf("at the end %q", got)
		}
	})
}

func TestTablesAreBounded(t *testing.T) {
	inBubble(t, Config{}, func(b bubble) {
		for range MaxTables {
			b.connect(true).ask("top")
		}
		c := b.connect(true)
		c.take()
		if got := c.ask("top"); got != "All 16 tables are taken. Try again later.\r\n" {
			t.Errorf("got %q", got)
		}
	})
}

func TestWho(t *testing.T) {
	inBubble(t, Config{}, func(b bubble) {
		c := b.connect(true)
		b.program("json tcp\n")
		c.take()
		got := c.ask("who")
		if strings.Count(got, "\r\n") != 2 || !strings.Contains(got, "(you)") || !strings.Contains(got, "json tcp") {
			t.Errorf("got %q", got)
		}
		var all struct {
			Sessions []struct{ Client, Stream string }
		}
		if err := json.Unmarshal([]byte(c.ask("who --json")), &all); err != nil || len(all.Sessions) != 2 || all.Sessions[0].Stream != "watch" {
			t.Errorf("%+v, %v", all, err)
		}
	})
}

// A stream that ends by itself just when the next command begins another does not take that one's packets away.
func TestStreamThatBeginsWhenAnotherEnds(t *testing.T) {
	srv := New(Config{Source: porch})
	s := newSession(srv, pipeConn{remote: new(net.TCPAddr)}, PortConsole)
	tap := srv.NewTap()
	ended := make(chan struct{})
	var running sync.WaitGroup
	running.Go(func() { // what the writer does
		var out []byte
		for {
			select {
			case <-ended:
				return
			default:
				out = s.compose(out[:0]).bytes
			}
		}
	})
	for i := range 2000 {
		s.stream(newView(s, viewHex, nil))
		offer(tap, 1)
		srv.hub.catchUp() // its packet is there
		s.stream(newView(s, viewJSON, nil))
		if srv.hub.watchers() != 1 {
			t.Errorf("after %d streams the session gets no packets any more", i)
			break
		}
	}
	close(ended)
	running.Wait()
}

// A person is shown LinesPerSecond of them as JSON or CSV, too.
func TestJSONOfAPersonIsBounded(t *testing.T) {
	inBubble(t, Config{LinesPerSecond: 10}, func(b bubble) {
		tap := b.srv.NewTap()
		c := b.connect(true)
		c.take()
		c.ask("json")
		offer(tap, 100)
		settle()
		if got := strings.Count(c.take(), "\"src_port\""); got != 10 {
			t.Errorf("%d packets at once", got)
		}
		time.Sleep(noteEvery)
		if got := c.take(); got != "{\"not_shown\":90}\r\n" {
			t.Errorf("then %q", got)
		}
		checkDue(t, b.srv, 100)
		b.srv.Close()
		if got := c.take(); got != stopping {
			t.Errorf("at the end %q", got)
		}
	})
}

// longSource has an answer of several writes.
type longSource struct{ fakeSource }

var longLine = strings.Repeat("x", 100) + "\n"

func (longSource) Report(dst []byte, _ Topic, _ Form) []byte {
	return append(dst, strings.Repeat(longLine, 2*outputBytes/len(longLine))...)
}

// No packet stands in the middle of an answer, however many writes it takes.
func TestLongAnswerIsWhole(t *testing.T) {
	for _, tt := range []struct{ command, begin, end string }{
		{"books", strings.Repeat(strings.TrimSpace(longLine)+"\r\n", 2*outputBytes/len(longLine)), "… 5 packets not shown\r\n"},
		{"last 100", "", "… 5 packets not shown\r\n"},
	} {
		inBubble(t, Config{Source: longSource{porch}, LinesPerSecond: -1}, func(b bubble) {
			tap := b.srv.NewTap()
			c := b.open(PortConsole, false, nil)
			readFor(c, time.Second)
			offer(tap, 100)
			packets := readFor(c, time.Second)
			c.send(tt.command + "\n")
			synctest.Wait() // the answer's beginning waits to be read
			offer(tap, 5)
			b.srv.hub.catchUp()
			if got, want := readFor(c, 2*noteEvery), cmp.Or(tt.begin, packets)+tt.end; got != want {
				t.Errorf("%s: got %q", tt.command, got)
			}
			checkDue(t, b.srv, 105)
		})
	}
}

// readFor returns what a client that reads at times gets in one of them.
func readFor(c *pipeClient, d time.Duration) string {
	c.conn.SetReadDeadline(time.Now().Add(d))
	b, _ := io.ReadAll(c.conn) // until then
	return string(b)
}

// A filter is for what shows packets of all kinds; a conversation and a packet that is waited for stay what they are.
func TestFilterBesideOtherStreams(t *testing.T) {
	inBubble(t, Config{}, func(b bubble) {
		tap := b.srv.NewTap()
		c := b.connect(true)
		c.ask("follow 192.168.1.20:7 142.250.74.36:443")
		c.ask("filter src port 8")
		c.take()
		offer(tap, 10)
		settle()
		if got := c.take(); strings.Count(got, "\r\n") != 1 || !strings.Contains(got, "→ [SYN] seq 0") {
			t.Errorf("follow shows %q", got)
		}
		c.ask("hex src port 3")
		c.ask("filter src port 9")
		c.take()
		offer(tap, 10)
		settle()
		if got := c.take(); strings.Count(got, " TCP ") != 1 || !strings.Contains(got, ":3 →") {
			t.Errorf("hex shows %q", got)
		}
		offer(tap, 10)
		settle()
		if got := c.take(); strings.Count(got, " TCP ") != 1 || !strings.Contains(got, ":9 →") {
			t.Errorf("behind it %q", got)
		}
	})
}
