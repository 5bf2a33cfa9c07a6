package password

import (
	"encoding/binary"
	"net/netip"
	"testing"
	"time"
)

var (
	start = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	alice = netip.MustParseAddr("192.168.1.20")
)

// far is more than enough for the attempts of all addresses to be paid for.
const far = time.Hour

func TestLimiterDelays(t *testing.T) {
	var l Limiter
	now := start
	for i, want := range []time.Duration{0, 1, 2, 4, 5, 5, 5, 5, 5, 5} {
		if wait, locked := l.Wait(alice, now); wait != want*time.Second || locked {
			t.Errorf("attempt %d: wait %v, locked %v; want %d s", i+1, wait, locked, want)
		}
		now = now.Add(10 * time.Second)
	}
	last := now.Add(-10 * time.Second)
	for _, after := range []time.Duration{0, time.Second, LockTime - 1} {
		if wait, locked := l.Wait(alice, last.Add(after)); wait != LockTime-after || !locked {
			t.Errorf("%v after ten failures: wait %v, locked %v", after, wait, locked)
		}
	}
	// A look at the locked door makes the time no longer.
	if wait, locked := l.Wait(alice, last.Add(LockTime)); wait != 0 || locked {
		t.Errorf("after the lock: wait %v, locked %v", wait, locked)
	}
	if wait, _ := l.Wait(alice, last.Add(LockTime)); wait != time.Second {
		t.Errorf("the attempt after the first: wait %v", wait)
	}
}

// Attempts at the same time are each counted before any is checked.
func TestLimiterParallel(t *testing.T) {
	var l Limiter
	free, allowed := 0, 0
	for range 64 {
		wait, locked := l.Wait(alice, start)
		if wait == 0 {
			free++
		}
		if !locked {
			allowed++
		}
	}
	if free != 1 || allowed != LockAfter {
		t.Errorf("%d at once and %d in all", free, allowed)
	}
}

func TestLimiterSucceeded(t *testing.T) {
	var l Limiter
	for range 5 {
		l.Wait(alice, start)
	}
	l.Succeeded(alice)
	if wait, locked := l.Wait(alice, start); wait != 0 || locked {
		t.Errorf("after the right password: wait %v, locked %v", wait, locked)
	}
	// Somebody who knows it may come as often as they like.
	for i := range 1000 {
		l.Succeeded(alice)
		if wait, locked := l.Wait(alice, start); wait != 0 || locked {
			t.Fatalf("time %d: wait %v, locked %v", i, wait, locked)
		}
	}
}

func TestLimiterForgets(t *testing.T) {
	for _, row := range []struct {
		after, want time.Duration
	}{{LockTime - 1, 2 * time.Second}, {LockTime, 0}} {
		var l Limiter
		l.Wait(alice, start)
		l.Wait(alice, start)
		if wait, locked := l.Wait(alice, start.Add(row.after)); wait != row.want || locked {
			t.Errorf("%v after two failures: wait %v, locked %v; want %v", row.after, wait, locked, row.want)
		}
	}
}

func TestLimiterHosts(t *testing.T) {
	for _, row := range []struct {
		name, one, other string
		same             bool
	}{
		{"IPv4 neighbours", "192.168.1.20", "192.168.1.21", false},
		{"IPv4 in IPv6", "192.168.1.20", "::ffff:192.168.1.20", true},
		{"a /64", "2001:db8::1", "2001:db8::ffff:1:2:3", true},
		{"the next /64", "2001:db8::1", "2001:db8:0:1::1", false},
		{"a link and another", "fe80::1%eth0", "fe80::2%eth1", true},
		{"IPv4 and IPv6", "0.0.0.0", "::", false},
	} {
		var l Limiter
		l.Wait(netip.MustParseAddr(row.one), start)
		if wait, _ := l.Wait(netip.MustParseAddr(row.other), start); (wait != 0) != row.same {
			t.Errorf("%s: wait %v", row.name, wait)
		}
	}
	var l Limiter
	l.Wait(netip.Addr{}, start)
	if wait, _ := l.Wait(netip.Addr{}, start); wait != time.Second {
		t.Errorf("no address: wait %v", wait)
	}
}

// numbered is an address of its own for each number.
func numbered(n uint32) netip.Addr {
	var a [16]byte
	a[0] = 0xfd
	binary.BigEndian.PutUint32(a[4:], n)
	return netip.AddrFrom16(a)
}

func TestLimiterAll(t *testing.T) {
	var l Limiter
	for i := range uint32(allBurst) {
		if wait, locked := l.Wait(numbered(i), start); wait != 0 || locked {
			t.Fatalf("address %d: wait %v, locked %v", i, wait, locked)
		}
	}
	for i, want := range []time.Duration{2 * time.Second, 4 * time.Second} {
		if wait, locked := l.Wait(numbered(uint32(100+i)), start); wait != want || locked {
			t.Errorf("after %d: wait %v, locked %v; want %v", allBurst+i, wait, locked, want)
		}
	}
	if wait, locked := l.Wait(alice, start); wait != time.Second || !locked {
		t.Errorf("in a flood: wait %v, locked %v", wait, locked)
	}
	// Whoever is at the machine itself is not kept out, and makes it no longer or shorter for others.
	for _, text := range []string{"127.0.0.1", "::1", "::ffff:127.0.0.2"} {
		from := netip.MustParseAddr(text)
		for i, want := range []time.Duration{0, time.Second} {
			if wait, locked := l.Wait(from, start); wait != want || locked {
				t.Errorf("%s, attempt %d in a flood: wait %v, locked %v", text, i+1, wait, locked)
			}
		}
		l.Succeeded(from)
	}
	if wait, locked := l.Wait(alice, start.Add(time.Second)); wait != MaxDelay || locked {
		t.Errorf("a second later: wait %v, locked %v", wait, locked)
	}
	if wait, locked := l.Wait(alice, start.Add(far)); wait != 0 || locked {
		t.Errorf("after the flood: wait %v, locked %v", wait, locked)
	}
}

// A million addresses take no more memory than maxHosts, and do not make the limiter forget who is locked.
func TestLimiterBounded(t *testing.T) {
	var l Limiter
	now := start
	for range LockAfter {
		l.Wait(alice, now)
	}
	locked := now
	for i := range uint32(1_000_000) {
		now = now.Add(time.Microsecond) // most are refused because of all; the next loop has none of these
		l.Wait(numbered(i), now)
	}
	for i := range uint32(3 * maxHosts) {
		l.all = time.Time{}
		l.Wait(numbered(i), now)
		if len(l.hosts) > maxHosts {
			t.Fatalf("%d hosts are remembered", len(l.hosts))
		}
	}
	if wait, is := l.Wait(alice, now); !is || wait != LockTime-now.Sub(locked) {
		t.Errorf("alice: wait %v, locked %v", wait, is)
	}
	if len(l.hosts) != maxHosts {
		t.Errorf("%d hosts are remembered, not %d", len(l.hosts), maxHosts)
	}
}

// fail lets an address fail, whatever the others did.
func fail(l *Limiter, from netip.Addr, times int, now time.Time) {
	for range times {
		l.all = time.Time{}
		l.Wait(from, now)
	}
}

func TestLimiterFull(t *testing.T) {
	remembered := func(l *Limiter, n uint32) bool {
		_, is := l.hosts[host(numbered(n))]
		return is
	}
	t.Run("of the same failures the oldest go", func(t *testing.T) {
		var l Limiter
		for i := range uint32(maxHosts) {
			fail(&l, numbered(i), 1, start.Add(time.Duration((i+500)%maxHosts)*time.Millisecond))
		}
		fail(&l, alice, 1, start.Add(time.Minute))
		for i := range uint32(maxHosts) {
			if is := remembered(&l, i); is != (i != maxHosts-500) {
				t.Errorf("%d is remembered: %v", i, is)
			}
		}
	})
	t.Run("the fewest failures go", func(t *testing.T) {
		var l Limiter
		for i := range uint32(maxHosts) {
			times := 2
			if i == 700 {
				times = 1
			}
			fail(&l, numbered(i), times, start.Add(time.Duration(i)*time.Millisecond))
		}
		fail(&l, alice, 1, start.Add(time.Minute))
		if !remembered(&l, 0) || remembered(&l, 700) {
			t.Error("who failed twice is forgotten, who failed once is not")
		}
	})
	t.Run("those whose time is over go first", func(t *testing.T) {
		var l Limiter
		for i := range uint32(maxHosts) {
			fail(&l, numbered(i), 3, start)
		}
		now := start.Add(LockTime)
		fail(&l, alice, 1, now)
		fail(&l, numbered(maxHosts), 1, now)
		l.all = time.Time{}
		if wait, _ := l.Wait(alice, now); wait != time.Second {
			t.Errorf("alice's second attempt waits %v", wait)
		}
	})
}
