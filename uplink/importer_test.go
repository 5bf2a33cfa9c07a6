package uplink

import (
	"testing"

	"network-sniffer/board/testbed"
	"network-sniffer/uplink/spool"
)

// TestImportAgain: an import that broke off anywhere and is begun anew, with a spool that knows nothing of the
// first attempt, stores every row once.
func TestImportAgain(t *testing.T) {
	r := newRig(t)
	const rows = 5*ImportRows + 17
	attempt := func(stopAfter int) {
		t.Helper()
		sp, err := spool.Open(spool.Disk{}, t.TempDir(), 64<<20)
		if err != nil {
			t.Fatal(err)
		}
		defer sp.Close()
		r.uploader.config.Spool = sp
		i := NewImporter(sp, r.device, [16]byte{7})
		i.AddInterface("a.pcap", "", 1<<32-1)
		i.AddInterface("bad\xffname\x00", "", 0)
		all := mix()
		for n := range min(rows, stopAfter) {
			p := all[n%len(all)]
			p.Time = 1e18 + int64(n)*1000
			p.Interface = uint8(n / 3 % 2)
			if _, err := i.Record(&p); err != nil {
				t.Fatal(err)
			}
		}
		if stopAfter >= rows {
			if err := i.Finish(); err != nil {
				t.Fatal(err)
			}
			if i.Rows() != rows {
				t.Errorf("%d rows, want %d", i.Rows(), rows)
			}
		}
		if err := r.drain(); err != nil && stopAfter >= rows {
			t.Fatal(err)
		}
	}
	attempt(2*ImportRows + 100) // the file could not be read on
	struck := r.proxy.SwallowAfter([]byte("COMMIT"))
	attempt(4 * ImportRows) // the answer to a COMMIT got lost
	testbed.Await(t, struck, patience, "the fault")
	attempt(rows)
	attempt(rows)
	r.expect(t, rows, 0)
	if n := testbed.QueryInt(t, r.db, "SELECT count(DISTINCT ts) FROM sniffer.packets"); n != rows {
		t.Errorf("%d distinct rows", n)
	}
	if n := testbed.QueryInt(t, r.db, "SELECT count(*) FROM sniffer.packets WHERE interface = $1", "bad\ufffdname\ufffd"); n < rows/2-2 || n > rows/2+2 {
		t.Errorf("%d rows of the interface with a bad name", n)
	}
	if n := testbed.QueryInt(t, r.db, "SELECT count(*) FROM sniffer.books WHERE closed"); n != 2 {
		t.Errorf("%d books are closed, want one for each interface", n)
	}
	if n := testbed.QueryInt(t, r.db, `SELECT count(*) FROM sniffer.coverage
		WHERE capture_mode <> 'file' OR sample_rate <> 1 OR pending_change <> 0`); n != 0 {
		t.Errorf("%d intervals do not tell that they came from a file", n)
	}
}
