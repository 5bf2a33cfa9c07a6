package frame

import (
	"bytes"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"network-sniffer/board/testbed"
	"network-sniffer/decode"
	"network-sniffer/rawsock/savefile"
)

// recorded are the Ethernet frames that real programs sent, and one of each that the testbed makes, as a socket would have
// delivered them. Every other one went out, on another interface. What onWire makes of them is what is in the files.
func recorded(t *testing.T) (frames []*Frame) {
	t.Helper()
	files, err := filepath.Glob("../../../decode/tsharktest/testdata/*.pcapng")
	if err != nil || len(files) == 0 {
		t.Fatalf("no capture files: %v", err)
	}
	add := func(data []byte, length uint32) {
		n := len(frames)
		fr := &Frame{
			Meta:  decode.Meta{Time: int64(n) * 1e9, WireLength: length, LinkType: decode.LinkEthernet},
			Index: int32(n%2 + 1), Data: bytes.Clone(data),
		}
		if n%2 == 1 {
			fr.Meta.Direction = decode.Out
		}
		takeTag(fr)
		if fr.Meta.VLANTPID != 0 {
			fr.Meta.WireLength -= tagLength
		}
		if w := onWire(fr); !bytes.Equal(bytesOf(&w), data) || w.length != length {
			t.Errorf("frame %d, % x, has become % x", n, data, bytesOf(&w))
		}
		frames = append(frames, fr)
	}
	for _, path := range files {
		file, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range read(t, file) {
			if f.LinkType == savefile.LinkTypeEthernet {
				add(f.Data, f.WireLength)
			}
		}
	}
	for n, kind := range testbed.AllKinds() {
		data := testbed.BuildFrame(nil, uint32(n), kind, testbed.FrameConfig{})
		add(data, uint32(len(data)))
	}
	return frames
}

// bytesOf are the captured bytes with the tag.
func bytesOf(w *wire) []byte { return slices.Concat(w.front[:w.in], w.rest) }

// read returns the frames of a capture file.
func read(t testing.TB, file []byte) (frames []savefile.Frame) {
	t.Helper()
	r, err := savefile.NewReader(bytes.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	for {
		var f savefile.Frame
		switch err := r.Next(&f); {
		case errors.Is(err, io.EOF):
			return frames
		case err != nil:
			t.Fatal(err)
		}
		f.Data = bytes.Clone(f.Data)
		frames = append(frames, f)
	}
}

// onLink are the frames as another link delivers them. Raw IP has nothing of what is no IP, or has a tag.
func onLink(frames []*Frame, link decode.LinkType) (out []*Frame) {
	for _, fr := range frames {
		switch {
		case link == decode.LinkEthernet:
			out = append(out, fr)
		case len(fr.Data) < 14, fr.Data[12] < 6:
			// Behind such a header stands a length, and a cooked socket tells another protocol then.
		case link == decode.LinkLinuxSLL2:
			out = append(out, withoutLink(fr, link))
		case fr.Meta.VLANTPID == 0 && (fr.Data[12] == 0x08 && fr.Data[13] == 0 || fr.Data[12] == 0x86):
			out = append(out, withoutLink(fr, link))
		}
	}
	return out
}

// file makes a capture file of frames, with their tags or without.
func file(t *testing.T, frames []*Frame, tags bool) []byte {
	t.Helper()
	var out bytes.Buffer
	w := savefile.NewPcapWriter(&out)
	if _, err := w.AddInterface(savefile.Interface{LinkType: uint16(frames[0].Meta.LinkType)}); err != nil {
		t.Fatal(err)
	}
	for _, fr := range frames {
		f := savefile.Frame{Data: fr.Data, Time: fr.Meta.Time, WireLength: fr.Meta.WireLength, LinkType: uint16(fr.Meta.LinkType)}
		if tags {
			on := onWire(fr)
			f.Data, f.WireLength = bytesOf(&on), on.length
		}
		if err := w.WriteFrame(&f); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// TestMatchAgreesWithTcpdump: tcpdump reads a file of the same frames. With "vlan" the file has the tags in the bytes, where
// tcpdump looks for them; otherwise it has them not, as a socket shows the frames.
func TestMatchAgreesWithTcpdump(t *testing.T) {
	program := testbed.NeedTool(t, "tcpdump")
	frames := recorded(t)
	everywhere := []string{
		"", "ip", "ip6", "tcp", "udp port 53", "not port 53", "port 443 or port 80", "src portrange 1000-40000",
		"tcp[tcpflags] & (tcp-syn|tcp-fin) != 0",
		"tcp[13] = 16", "icmp or icmp6", "host 192.0.2.1", "net 10.0.0.0/8 or net fe80::/10",
		"ip[6:2] & 0x1fff != 0", "ip6[6] = 58", "ip proto 47",
		"udp[8:2] & 0xff > 10", "not ip", "ip and not (tcp or udp)", "ip multicast",
	}
	ethernet := []string{
		"arp", "ether host 06:5e:ff:00:00:01", "not ether multicast", "broadcast", "greater 100", "less 90",
		"len = 74", "ether proto 0x88cc", "llc", "stp",
		"mpls", "pppoes", "pppoes and ip", "geneve", "vlan", "vlan 42", "not vlan", "vlan and ip",
		"vlan 42 and udp port 9", "vlan and vlan", "vlan and arp",
	}
	// libpcap knows no "vlan" here.
	cooked := []string{"arp", "not arp", "inbound", "outbound", "outbound and tcp", "ifindex 2", "ifindex 1 and udp"}
	for _, row := range []struct {
		name  string
		link  decode.LinkType
		exprs []string
	}{
		{"Ethernet", decode.LinkEthernet, slices.Concat(everywhere, ethernet)},
		{"raw", decode.LinkRaw, everywhere},
		{"cooked", decode.LinkLinuxSLL2, slices.Concat(everywhere, cooked)},
	} {
		t.Run(row.name, func(t *testing.T) {
			frames := onLink(frames, row.link)
			shown, tagged := file(t, frames, false), file(t, frames, true)
			telling := 0
			for _, expr := range row.exprs {
				f, err := Compile(expr)
				if err != nil {
					t.Errorf("%s: %v", expr, err)
					continue
				}
				in := shown
				if strings.Contains(expr, "vlan") {
					in = tagged
				}
				want := tcpdump(t, program, in, expr)
				if len(want) > 0 && len(want) < len(frames) {
					telling++
				}
				for _, fr := range frames {
					if got := f.Match(fr); got != want[fr.Meta.Time] {
						t.Errorf("%s: frame %d matches: %v, tcpdump says %v\n%+v\n% x", expr, fr.Meta.Time/1e9, got, !got, fr.Meta, fr.Data)
						break
					}
				}
			}
			if telling < len(row.exprs)*3/4 {
				t.Errorf("%d of %d expressions tell %d frames apart: that proves little", telling, len(row.exprs), len(frames))
			}
		})
	}
}

// tcpdump returns the times of the frames in a file that match.
func tcpdump(t *testing.T, program string, in []byte, expr string) map[int64]bool {
	t.Helper()
	command := exec.CommandContext(t.Context(), program, "-r", "-", "-w", "-", "--", expr)
	command.Stdin = bytes.NewReader(in)
	var complaint strings.Builder
	command.Stderr = &complaint
	out, err := command.Output()
	if err != nil {
		t.Fatalf("tcpdump %q: %v: %s", expr, err, complaint.String())
	}
	times := map[int64]bool{}
	for _, f := range read(t, out) {
		times[f.Time] = true
	}
	return times
}
