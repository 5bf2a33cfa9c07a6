package schema

import (
	"errors"
	"testing"
	"time"

	"network-sniffer/board/testbed"
)

func TestAdviceOnPartitions(t *testing.T) {
	db, _ := applied(t)
	advice := func() Advice {
		t.Helper()
		a, err := Advise(testContext(t), db)
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	now := time.Unix(testbed.QueryInt(t, db, "SELECT extract(epoch FROM now())::bigint"), 0).UTC()
	if got := advice().Days; len(got) != 2 || got[0] < now.Format(time.DateOnly) || got[0] >= got[1] {
		t.Errorf("without partitions: %q", got)
	}
	for day := range 3 { // midnight may pass
		ensureDay(t, db, now.AddDate(0, 0, day))
	}
	if a := advice(); a.Days != nil || a.DefaultBytes != 0 {
		t.Errorf("with the days to come: %+v", a)
	}
	run(t, db, "INSERT INTO sniffer.packets (ts, device_id, interface) VALUES ('1970-01-01Z', 1, 'wan')")
	if a := advice(); a.DefaultBytes == 0 {
		t.Error("rows without a partition are not seen")
	}
}

func TestAdviceWithoutSchema(t *testing.T) {
	if _, err := Advise(testContext(t), testbed.DB(t, empty(t))); !errors.Is(err, ErrMissing) {
		t.Errorf("%v", err)
	}
}
