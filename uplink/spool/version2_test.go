package spool

import (
	"bytes"
	"os"
	"path/filepath"
	"reflect"
	"testing"
)

// version2 are the files below testdata/version2 as their headers tell them. The last program that knew of no marks wrote
// them: rows of two interfaces by a clock that nobody set, a tombstone of three segments, and the end of a run.
var version2 = []struct {
	name string
	h    Header
	body string
}{
	{"0000000000000000.segment", Header{
		Device: [16]byte{0xde}, Run: [16]byte{1}, Sequence: 1, Last: 1, Format: 1, Rows: 3,
		FirstTime: 1_000, LastTime: 2_000, SealedAt: 3_000,
		Clock: Clock{Boot: [16]byte{0xb0}, Offset: -7, State: ClockUnset},
		Coverage: []Coverage{
			{Interface: "wan", From: 900, To: 2_100, Received: 5, Rows: 2, Losses: []Loss{{"ring_full", 2}}, PendingChange: 1, Freezes: 1,
				Link: LinkCounts{Received: 9, Sent: 8, Dropped: 7, Known: true}, Filter: "tcp", SnapLength: 256, SampleRate: 1, Mode: "ring"},
			{Interface: "br-lan", Index: 1, From: 900, To: 2_100, Received: 1, Rows: 1, SnapLength: 256,
				SampleRate: 10, SampleBy: "flow", Mode: "ring"},
		}}, "three rows"},
	{"0000000000000001.segment", Header{
		Device: [16]byte{0xde}, Run: [16]byte{1}, Sequence: 2, Last: 4, Format: 1, Tombstone: true, SealedAt: 6_000,
		Clock: Clock{Boot: [16]byte{0xb0}, Offset: -7, State: ClockFree},
		Coverage: []Coverage{{Interface: "wan", From: 2_100, To: 5_000, Received: 40, Losses: []Loss{{LossFull, 40}}, SnapLength: 256,
			SampleRate: 1, Mode: "ring"}}}, ""},
	{"0000000000000002.segment", Header{
		Device: [16]byte{0xde}, Run: [16]byte{1}, Sequence: 5, Last: 5, Format: 1, Final: true, SealedAt: 7_000}, ""},
}

// TestVersion2Headers: what was sealed before there were marks is read, and a header without marks is still written byte for byte
// in that way: who goes back to that program loses no row.
func TestVersion2Headers(t *testing.T) {
	for _, f := range version2 {
		b, err := os.ReadFile(filepath.Join("testdata", "version2", f.name))
		if err != nil {
			t.Fatal(err)
		}
		h, body, err := parseFile(b)
		if err != nil || !reflect.DeepEqual(h, f.h) || string(body) != f.body {
			t.Errorf("%s: %+v, %q, %v", f.name, h, body, err)
		}
		if again := append(appendFile(nil, &h, body), body...); !bytes.Equal(again, b) {
			t.Errorf("%s is written in another way today:\n%x, was\n%x", f.name, again, b)
		}
	}
}
