package crashtest

import (
	"context"
	"fmt"
	"testing"

	"network-sniffer/board/testbed"
	"network-sniffer/uplink"
)

// places is where the server is struck, in COPY and in COMMIT.
var places = []place{
	{copyBegins, true}, {copyData, true}, {copyDone, false}, {copyDone, true}, {copyAgain, true}, {copyTaken, false},
	{ledgerBegins, false}, {ledgerBegins, true}, {commitBegins, false}, {commitBegins, true}, {commitDone, false}, {commitDone, true},
}

// faults is how often the server is struck in one way.
func faults() int {
	if *faultCount == 0 {
		return 20
	}
	return *faultCount
}

// inBothFormats proves something for each, at the same time.
func inBothFormats(t *testing.T, prove func(*testing.T, uplink.Format)) {
	t.Parallel()
	for _, f := range formats {
		t.Run(f.String(), func(t *testing.T) {
			t.Parallel()
			prove(t, f)
		})
	}
}

// TestServerStops: PostgreSQL crashes in the middle of COPY and COMMIT, and comes back.
func TestServerStops(t *testing.T) {
	testbed.NeedPostgres(t)
	inBothFormats(t, func(t *testing.T, f uplink.Format) {
		strikeServer(t, "immediate stop of the server", f, newWorldIn(t, testbed.StartPostgres(t)), func(w *world) {
			w.pg.Stop(t, testbed.Immediate)
			w.pg.Start(t)
		})
	})
}

// TestBackendKills: an administrator ends the session (SQLSTATE 57P01).
func TestBackendKills(t *testing.T) {
	inBothFormats(t, func(t *testing.T, f uplink.Format) {
		strikeServer(t, "pg_terminate_backend", f, newWorld(t), func(w *world) { w.killBackends(t) })
	})
}

// strikeServer strikes the server while a transaction is held at each of the places in turn.
func strikeServer(t *testing.T, scenario string, f uplink.Format, w *world, strike func(*world)) {
	v := newLive(t, w, liveOptions{format: f})
	v.awaitUploads(t, 1)
	r := random(t, 2)
	progress := newProgress(t, scenario, faults())
	for i := range faults() {
		p := places[r.IntN(len(places))]
		reached, release := v.hold(p)
		testbed.Await(t, reached, patience, p.String())
		strike(w)
		release(r.IntN(2) == 0)
		v.awaitUploads(t, 1)
		progress.done(i+1, v.sofar())
	}
	expectNoLosses(t, v.finish(t, scenario+", "+f.String(), faults()))
}

// killBackends ends every other session of the database, and returns when they are gone.
func (w *world) killBackends(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if _, err := w.db.ExecContext(ctx, `SELECT pg_terminate_backend(pid, 30000) FROM pg_stat_activity
		WHERE datname = current_database() AND pid <> pg_backend_pid()`); err != nil {
		t.Fatal(err)
	}
}

// TestSwallowedCommits: the server commits, and the uplink never hears of it.
func TestSwallowedCommits(t *testing.T) {
	inBothFormats(t, swallowCommits)
}

func swallowCommits(t *testing.T, f uplink.Format) {
	v := newLive(t, newWorld(t), liveOptions{format: f})
	v.awaitUploads(t, 1)
	progress := newProgress(t, "answers to COMMIT swallowed", faults())
	for i := range faults() {
		known := v.uploader.State().Known
		swallowed := make(chan struct{})
		v.intercept(func(at moment, l *link, m message) error {
			if at != commitDone {
				return l.pass(m)
			}
			v.intercept(nil)
			close(swallowed)
			return errCut
		})
		testbed.Await(t, swallowed, patience, "a COMMIT")
		eventually(t, "the segments are known to be stored", func() (bool, string) {
			s := v.uploader.State()
			return s.Known > known && s.LastError == "", fmt.Sprintf("%+v", s)
		})
		progress.done(i+1, v.sofar())
	}
	expectNoLosses(t, v.finish(t, "answer to COMMIT swallowed, "+f.String(), faults()))
}

func expectNoLosses(t *testing.T, r result) {
	t.Helper()
	if r.losses != 0 {
		t.Errorf("%d losses, and nothing was to be lost", r.losses)
	}
}
