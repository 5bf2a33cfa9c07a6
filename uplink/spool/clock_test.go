package spool

import (
	"reflect"
	"testing"
)

func TestShift(t *testing.T) {
	h := Header{FirstTime: 100, LastTime: 200, SealedAt: 300, Rows: 1,
		Coverage: []Coverage{{From: 50, To: 250}, {From: 60, To: 240}}}
	h.Shift(-1000)
	want := Header{FirstTime: -900, LastTime: -800, SealedAt: -700, Rows: 1,
		Coverage: []Coverage{{From: -950, To: -750}, {From: -940, To: -760}}}
	if !reflect.DeepEqual(h, want) {
		t.Errorf("%+v, want %+v", h, want)
	}
	none := Header{SealedAt: 1}
	if none.Shift(5); none.FirstTime != 0 || none.LastTime != 0 || none.SealedAt != 6 {
		t.Errorf("without rows: %+v", none)
	}
}

// TestAbsorbClock: tombstones become one only while their times are by the same clock, and it is worth what the
// worse of them is worth.
func TestAbsorbClock(t *testing.T) {
	unset := Clock{Boot: [16]byte{1}, Offset: 5, State: ClockUnset}
	with := func(change func(*Clock)) Clock { c := unset; change(&c); return c }
	tests := []struct {
		name        string
		first, next Clock
		want        bool
		state       ClockState
	}{
		{"the same", unset, unset, true, ClockUnset},
		{"of before there were clocks", Clock{}, Clock{}, true, ClockUnknown},
		{"not disciplined any more, without a step", Clock{State: ClockSynced}, Clock{State: ClockFree}, true, ClockFree},
		{"a step", unset, with(func(c *Clock) { c.Offset++ }), false, 0},
		{"another boot", unset, with(func(c *Clock) { c.Boot[15]++ }), false, 0},
		{"one that is not known", Clock{}, unset, false, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h := Header{Sequence: 1, Last: 1, Clock: tt.first}
			ok := h.absorb(&Header{Sequence: 2, Last: 2, Clock: tt.next})
			if ok != tt.want {
				t.Fatalf("absorbed: %t", ok)
			}
			if ok && (h.Last != 2 || h.Clock.State != tt.state || !h.Clock.SameTime(tt.next)) {
				t.Errorf("%+v", h)
			}
		})
	}
}

func TestClockStateNames(t *testing.T) {
	want := []string{"", "unset", "free", "synced", ""}
	for s, name := range want {
		if got := ClockState(s).String(); got != name {
			t.Errorf("state %d: %q, want %q", s, got, name)
		}
	}
}
