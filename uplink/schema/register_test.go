package schema

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/lib/pq"

	"network-sniffer/board/testbed"
)

func TestRegister(t *testing.T) {
	db, _ := applied(t)
	for _, row := range []struct {
		name, uuid, device, version string
		id                          int64
		err                         error
		want                        []string // all devices then
	}{
		{"new", "00000000-0000-0007-8000-000000000000", "cellar", "1", 7, nil, []string{"7 cellar 1"}},
		{"again, under another name", "00000000-0000-0007-8000-000000000000", "attic", "2", 7, nil, []string{"7 attic 2"}},
		{"the first 8 bytes of another", "00000000-0000-0007-8000-000000000001", "thief", "2", 0, ErrTaken, []string{"7 attic 2"}},
		{"the sign is cleared", "ffffffff-ffff-ffff-ffff-ffffffffffff", "it's \\ odd", "", 1<<63 - 1, nil, []string{"7 attic 2", "9223372036854775807 it's \\ odd "}},
		{"the same without its sign", "7fffffff-ffff-ffff-ffff-ffffffffffff", "thief", "", 0, ErrTaken, []string{"7 attic 2", "9223372036854775807 it's \\ odd "}},
	} {
		id, err := Register(testContext(t), db, row.uuid, row.device, row.version)
		if id != row.id || !errors.Is(err, row.err) {
			t.Errorf("%s: %d, %v, want %d, %v", row.name, id, err, row.id, row.err)
		}
		if got := queryStrings(t, db, "SELECT concat_ws(' ', device_id, name, version) FROM sniffer.devices ORDER BY device_id"); !slices.Equal(got, row.want) {
			t.Errorf("%s: devices %q, want %q", row.name, got, row.want)
		}
	}
}

func TestRegisterKeepsTheFirstDayAndTellsTheLast(t *testing.T) {
	db, _ := applied(t)
	register := func() {
		t.Helper()
		if _, err := Register(testContext(t), db, "00000000-0000-0007-8000-000000000000", "cellar", "1"); err != nil {
			t.Fatal(err)
		}
	}
	register()
	run(t, db, "UPDATE sniffer.devices SET first_seen = '2000-01-01Z', last_seen = '2000-01-01Z'")
	register()
	if n := testbed.QueryInt(t, db, "SELECT count(*) FROM sniffer.devices WHERE first_seen = '2000-01-01Z' AND last_seen > '2000-01-01Z'"); n != 1 {
		t.Errorf("%d devices were first seen then and last seen later, want 1", n)
	}
}

func TestRegisterRefuses(t *testing.T) {
	db, _ := applied(t)
	for _, arguments := range []string{"NULL, 'name', ''", "'00000000-0000-0007-8000-000000000000', NULL, ''"} {
		if _, err := db.ExecContext(testContext(t), "SELECT sniffer.register_device("+arguments+")"); pq.As(err, "22004") == nil {
			t.Errorf("%s: %v, want SQLSTATE 22004", arguments, err)
		}
	}
	if _, err := Register(testContext(t), testbed.DB(t, empty(t)), "00000000-0000-0007-8000-000000000000", "", ""); !errors.Is(err, ErrMissing) {
		t.Errorf("without a schema: %v", err)
	}
	if _, err := Register(testContext(t), db, "00000000-0000-0007-8000-000000000000", strings.Repeat("é", 2000), strings.Repeat("v", 2000)); err != nil {
		t.Fatal(err)
	}
	if n := testbed.QueryInt(t, db, "SELECT length(name) + length(version) FROM sniffer.devices"); n != 2048 {
		t.Errorf("%d characters are stored, want 2 times 1024", n)
	}
}
