package rawsock

import (
	"bytes"
	"errors"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"network-sniffer/board/testbed"
)

// TestLockReachesTheKernel: behind the refusal of SetFilter stands the kernel's own.
func TestLockReachesTheKernel(t *testing.T) {
	testbed.NeedRoot(t)
	lo, err := Lookup("lo")
	if err != nil {
		t.Fatal(err)
	}
	for _, locked := range []bool{false, true} {
		s, err := Open(Config{Link: lo, Filter: refuseAll, LockFilter: locked, Blocks: 1})
		if err != nil {
			t.Fatal(err)
		}
		if err := s.conn.SetBPF(acceptWhole); errors.Is(err, unix.EPERM) != locked {
			t.Errorf("locked %v: replacing the filter: %v", locked, err)
		}
		if err := s.detach(); errors.Is(err, unix.EPERM) != locked {
			t.Errorf("locked %v: taking the filter away: %v", locked, err)
		}
		s.Close()
	}
}

// TestBelievable: the clock of a network card that counts from its start, or in TAI, is not used.
func TestBelievable(t *testing.T) {
	system := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	for card, want := range map[time.Time]bool{
		system:                             true,
		system.Add(900 * time.Millisecond): true,
		system.Add(-time.Second):           true,
		system.Add(37 * time.Second):       false, // TAI
		time.Unix(5000, 0):                 false,
		time.Unix(1<<40, 0):                false,
	} {
		if got := believable(card, system); got != want {
			t.Errorf("%v against %v: %v, want %v", card, system, got, want)
		}
	}
	if _, err := readClock(t.TempDir() + "/ptp0"); err == nil {
		t.Error("a clock that is not there was read")
	}
	if _, err := readClock("/dev/null"); err == nil {
		t.Error("/dev/null has a clock")
	}
}

// TestCookedAddress: of the address goes into a cooked header what the device has, and nothing that stood there before.
func TestCookedAddress(t *testing.T) {
	for _, row := range []struct {
		length uint8
		want   [8]byte
	}{{0, [8]byte{}}, {6, [8]byte{1, 2, 3, 4, 5, 6}}, {8, [8]byte{1, 2, 3, 4, 5, 6, 7, 8}}, {20, [8]byte{1, 2, 3, 4, 5, 6, 7, 8}}} {
		buffer := bytes.Repeat([]byte{0xee}, headRoom+1)
		f := Frame{Data: buffer[headRoom:], WireLength: 1}
		f.cook(buffer[:headRoom], &unix.RawSockaddrLinklayer{Halen: row.length, Addr: [8]uint8{1, 2, 3, 4, 5, 6, 7, 8}})
		if len(f.Data) != cookedHeader+1 || f.WireLength != cookedHeader+1 || f.Data[11] != row.length ||
			[8]byte(f.Data[12:]) != row.want || f.Data[cookedHeader] != 0xee {
			t.Errorf("address of %d bytes: % x", row.length, f.Data)
		}
	}
}
