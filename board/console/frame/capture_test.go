package frame

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"network-sniffer/board/testbed"
	"network-sniffer/decode"
	"network-sniffer/rawsock/savefile"
)

func nameOf(number uint8) string { return [...]string{"br-lan", "wan", "pppoe-wan", "any"}[number] }

// streamed are frames of three link types on four interfaces, with what has to stand in the stream for them.
func streamed() (frames []*Frame, want []savefile.Frame, interfaces []savefile.Interface) {
	const start = 1795492088_123456789
	add := func(fr *Frame, number uint8, stream int, data []byte, length uint32) {
		fr.Meta.Interface = number
		fr.Meta.Time = start + int64(len(frames))*1001
		frames = append(frames, fr)
		want = append(want, savefile.Frame{
			Data: data, Time: fr.Meta.Time, WireLength: length,
			LinkType: uint16(fr.Meta.LinkType), Interface: stream, Direction: uint8(fr.Meta.Direction),
		})
	}
	whole := func(n uint32, kind testbed.Kind) []byte {
		return testbed.BuildFrame(nil, n, kind, testbed.FrameConfig{})
	}

	add(built(1, testbed.TCPSYN, decode.In), 1, 0, whole(1, testbed.TCPSYN), 74)
	add(built(2, testbed.VLANUDP, decode.In), 0, 1, whole(2, testbed.VLANUDP), 78)
	add(built(3, testbed.VLANUDP, decode.Out), 0, 1, whole(3, testbed.VLANUDP), 78)
	cut := built(4, testbed.VLANUDP, decode.Multicast)
	cut.Data = cut.Data[:40]
	add(cut, 0, 1, whole(4, testbed.VLANUDP)[:44], 78)
	raw := withoutLink(built(5, testbed.UDPv6, decode.In), decode.LinkRaw)
	add(raw, 2, 2, whole(5, testbed.UDPv6)[14:], 80)

	cooked := withoutLink(built(6, testbed.UDPv4, decode.Other), decode.LinkLinuxSLL2)
	add(cooked, 3, 3, bytes.Clone(cooked.Data), 80)
	tagged := withoutLink(built(7, testbed.VLANUDP, decode.In), decode.LinkLinuxSLL2)
	add(tagged, 3, 3, slices.Concat([]byte{0x81, 0}, tagged.Data[2:20], []byte{0, testbed.VLANID, 0x08, 0}, tagged.Data[20:]), 84)
	// The interface was deleted and made again as one of another kind.
	add(withoutLink(built(8, testbed.TCPData, decode.Out), decode.LinkRaw), 0, 4, whole(8, testbed.TCPData)[14:], 552)
	add(built(9, testbed.ARPRequest, decode.Broadcast), 0, 1, whole(9, testbed.ARPRequest), 60)

	interfaces = []savefile.Interface{{Name: "wan", LinkType: 1}, {Name: "br-lan", LinkType: 1}, {Name: "pppoe-wan", LinkType: 101},
		{Name: "any", LinkType: 276}, {Name: "br-lan", LinkType: 101}}
	return frames, want, interfaces
}

// stream is a whole one, with drops told in front of the first frame and behind the last one.
func stream(t *testing.T) (out []byte, want []savefile.Frame, interfaces []savefile.Interface) {
	t.Helper()
	var b bytes.Buffer
	c, err := NewCapture(&b, "sniffer 1.2", nameOf)
	if err != nil {
		t.Fatal(err)
	}
	frames, want, interfaces := streamed()
	if err := c.Missed(3, frames[0].Meta.Time-1); err != nil {
		t.Fatal(err)
	}
	for _, fr := range frames {
		before := bytes.Clone(fr.Data)
		if err := c.Frame(fr); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(fr.Data, before) {
			t.Errorf("the frame of time %d was changed", fr.Meta.Time)
		}
	}
	if err := c.Missed(41, frames[len(frames)-1].Meta.Time+1); err != nil {
		t.Fatal(err)
	}
	if err := c.Flush(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes(), want, interfaces
}

func TestCaptureIsReadBack(t *testing.T) {
	out, want, interfaces := stream(t)
	r, err := savefile.NewReader(bytes.NewReader(out))
	if err != nil {
		t.Fatal(err)
	}
	var got savefile.Frame
	for i, w := range want {
		if err := r.Next(&got); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got.Data, w.Data) {
			t.Errorf("frame %d: % x\nwant % x", i, got.Data, w.Data)
		}
		got.Data, w.Data = nil, nil
		if fmt.Sprint(got) != fmt.Sprint(w) {
			t.Errorf("frame %d: %+v, want %+v", i, got, w)
		}
	}
	if err := r.Next(&got); err != io.EOF {
		t.Errorf("behind the last frame: %v", err)
	}
	if !slices.Equal(r.Interfaces(), interfaces) {
		t.Errorf("interfaces %+v, want %+v", r.Interfaces(), interfaces)
	}
}

// TestTsharkReadsTheStream: names, nanoseconds, lengths, and the tags where tshark looks for them.
func TestTsharkReadsTheStream(t *testing.T) {
	program := testbed.NeedTool(t, "tshark")
	out, want, interfaces := stream(t)
	got := shark(t, program, out, "-T", "fields", "-E", "separator=|", "-e", "frame.interface_name", "-e", "frame.time_epoch",
		"-e", "frame.len", "-e", "frame.cap_len", "-e", "vlan.id", "-e", "udp.dstport", "-e", "tcp.dstport")
	inside := []string{"||443", "42|9|", "42|9|", "42|9|", "|9|", "|9|", "42|9|", "||443", "||"} // tag and ports
	var rows []string
	for i, w := range want {
		rows = append(rows, fmt.Sprintf("%s|%d.%09d|%d|%d|%s",
			interfaces[w.Interface].Name, w.Time/1e9, w.Time%1e9, w.WireLength, len(w.Data), inside[i]))
	}
	if want := strings.Join(rows, "\n") + "\n"; got != want {
		t.Errorf("tshark reads\n%swant\n%s", got, want)
	}
}

// TestTsharkReadsTheDrops: tshark takes the stream apart as a file, block by block.
func TestTsharkReadsTheDrops(t *testing.T) {
	program := testbed.NeedTool(t, "tshark")
	out, _, _ := stream(t)
	got := shark(t, program, out, "-X", "read_format:MIME Files Format", "-T", "fields",
		"-e", "pcapng.options.option.data.interface.received", "-e", "pcapng.options.option.data.interface.dropped")
	// Before the first frame of the first interface, and after it.
	if want := "3,42\t3,41\n"; got != want {
		t.Errorf("tshark reads %q, want %q", got, want)
	}
}

// TestCaptureIsWholeAtEveryWrite: whatever ends the stream between two writes, what came is a valid file.
func TestCaptureIsWholeAtEveryWrite(t *testing.T) {
	out := &pieces{}
	c, err := NewCapture(out, "sniffer", nameOf)
	if err != nil {
		t.Fatal(err)
	}
	frames, _, _ := streamed()
	for n := range uint64(30) {
		for _, fr := range frames {
			if err := c.Frame(fr); err != nil {
				t.Fatal(err)
			}
		}
		if err := c.Missed(n, frames[0].Meta.Time); err != nil {
			t.Fatal(err)
		}
	}
	if err := c.Flush(); err != nil {
		t.Fatal(err)
	}
	if len(out.ends) < 10 {
		t.Fatalf("%d writes tell nothing", len(out.ends))
	}
	last := 0
	for _, end := range out.ends {
		if end-last > captureBuffer {
			t.Errorf("a write of %d bytes, want at most %d", end-last, captureBuffer)
		}
		last = end
		read(t, out.all[:end])
	}
	if n := len(read(t, out.all)); n != 30*len(frames) {
		t.Errorf("%d frames, want %d", n, 30*len(frames))
	}
}

// pieces remembers where each write ended.
type pieces struct {
	all  []byte
	ends []int
}

func (p *pieces) Write(b []byte) (int, error) {
	p.all = append(p.all, b...)
	p.ends = append(p.ends, len(p.all))
	return len(b), nil
}

// TestCaptureGoesOnWithoutAFrame: one that the format cannot hold is refused alone, and what the client's end refuses ends
// the stream.
func TestCaptureGoesOnWithoutAFrame(t *testing.T) {
	var out bytes.Buffer
	c, err := NewCapture(&out, "sniffer", nameOf)
	if err != nil {
		t.Fatal(err)
	}
	old, good := built(1, testbed.UDPv4, decode.In), built(2, testbed.UDPv4, decode.In)
	old.Meta.Time = -1
	for _, step := range []struct {
		fr   *Frame
		want error
	}{{good, nil}, {old, savefile.ErrFrame}, {good, nil}} {
		if err := c.Frame(step.fr); !errors.Is(err, step.want) {
			t.Errorf("a frame of time %d: %v, want %v", step.fr.Meta.Time, err, step.want)
		}
	}
	if err := c.Missed(1, -1); !errors.Is(err, savefile.ErrFrame) {
		t.Errorf("statistics of a time before 1970: %v", err)
	}
	if err := c.Flush(); err != nil {
		t.Fatal(err)
	}
	if n := len(read(t, out.Bytes())); n != 2 {
		t.Errorf("%d frames, want 2", n)
	}

	if c, err = NewCapture(gone{}, "sniffer", nameOf); err != nil {
		t.Fatal(err)
	}
	if err := c.Frame(good); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := c.Flush(); !errors.Is(err, io.ErrClosedPipe) {
			t.Errorf("a client that is gone: %v", err)
		}
	}
	if err := c.Frame(good); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("a frame for a client that is gone: %v", err)
	}
}

// gone is a client that hung up.
type gone struct{}

func (gone) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }

func TestCaptureAllocatesNothing(t *testing.T) {
	c, err := NewCapture(io.Discard, "sniffer", nameOf)
	if err != nil {
		t.Fatal(err)
	}
	frames, _, _ := streamed()
	if n := testing.AllocsPerRun(100, func() {
		for _, fr := range frames {
			if err := c.Frame(fr); err != nil {
				t.Fatal(err)
			}
		}
		if err := c.Missed(1, 1); err != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("%v allocations for %d frames", n, len(frames))
	}
}

func BenchmarkCapture(b *testing.B) {
	for _, kind := range []testbed.Kind{testbed.TCPData, testbed.VLANUDP} {
		b.Run(kind.String(), func(b *testing.B) {
			c, err := NewCapture(io.Discard, "sniffer", nameOf)
			if err != nil {
				b.Fatal(err)
			}
			fr := built(1, kind, decode.In)
			b.ReportAllocs()
			for b.Loop() {
				if err := c.Frame(fr); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// shark lets tshark read a stream from its standard input.
func shark(t *testing.T, program string, in []byte, args ...string) string {
	t.Helper()
	ctx, stop := context.WithTimeout(t.Context(), time.Minute)
	defer stop()
	command := exec.CommandContext(ctx, program, append([]string{"-n", "-r", "-"}, args...)...)
	command.Env = append(os.Environ(), "HOME="+t.TempDir(), "XDG_CONFIG_HOME="+t.TempDir(), "LC_ALL=C.UTF-8", "TZ=UTC")
	command.Stdin = bytes.NewReader(in)
	var complaint strings.Builder
	command.Stderr = &complaint
	out, err := command.Output()
	if err != nil {
		t.Fatalf("tshark: %v: %s", err, complaint.String())
	}
	return string(out)
}
