package appliance

import (
	"testing"

	"golang.org/x/net/bpf"

	"network-sniffer/rawsock"
)

func TestNetmask(t *testing.T) {
	lo, err := rawsock.Lookup("lo")
	if err != nil {
		t.Skip(err)
	}
	for _, row := range []struct {
		name string
		link rawsock.Link
		want int // length of the network
	}{
		{"loopback", lo, 8},
		{"every interface", rawsock.Link{Name: rawsock.Any}, 0},
		{"an interface that is gone", rawsock.Link{Name: "gone", Index: 1 << 30}, 0},
	} {
		if got := netmask(row.link); !got.IsValid() || got.Bits() != row.want {
			t.Errorf("%s: %v, want a network of %d bits", row.name, got, row.want)
		}
	}
}

// TestFilterKnowsTheNetmask: "ip broadcast" asks for the host part of the interface's network.
func TestFilterKnowsTheNetmask(t *testing.T) {
	lo, err := rawsock.Lookup("lo")
	if err != nil {
		t.Skip(err)
	}
	f := newUserFilter("ip broadcast")
	for _, row := range []struct {
		link rawsock.Link
		dst  [4]byte
		want bool
	}{
		{lo, [4]byte{127, 255, 255, 255}, true},
		{lo, [4]byte{127, 0, 0, 0}, true},
		{lo, [4]byte{127, 0, 255, 255}, false},
		{lo, [4]byte{255, 255, 255, 255}, true},
		{rawsock.Link{Type: lo.Type}, [4]byte{127, 255, 255, 255}, false},
		{rawsock.Link{Type: lo.Type}, [4]byte{255, 255, 255, 255}, true},
	} {
		prog, err := f.compile(row.link, 96)
		if err != nil {
			t.Fatal(err)
		}
		vm, err := bpf.NewVM(prog)
		if err != nil {
			t.Fatal(err)
		}
		frame := append(make([]byte, 12), 0x08, 0x00, 0x45)
		frame = append(frame, make([]byte, 15)...)
		frame = append(frame, row.dst[:]...)
		if n, err := vm.Run(frame); err != nil || n > 0 != row.want {
			t.Errorf("%s, to %v: %d, %v, want %v", row.link.Name, row.dst, n, err, row.want)
		}
	}
}
