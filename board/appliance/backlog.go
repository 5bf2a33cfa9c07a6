package appliance

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"network-sniffer/uplink/spool"
)

// How old the answer about the backlog may be: finding out reads the header of every segment that waits. At most one part
// in backlogShare of the time goes into looking.
const (
	backlogAge   = time.Second
	backlogShare = 20
)

// backlogPatience is how long a session waits for the answer: the disk may hang, and the console goes on.
const backlogPatience = 2 * time.Second

// backlog is what waits for the database, as far as somebody asked lately. The spool counts segments and bytes by itself;
// the rows of a long outage are told by the files alone.
type backlog struct {
	mu      sync.Mutex
	at      time.Time     // of found
	took    time.Duration // the look that found it
	found   waiting
	looking chan struct{} // closed at the end of the look that is under way; nil: there is none
}

// waiting is what was found.
type waiting struct {
	rows   uint64
	oldest int64  // when the oldest was sealed, Unix nanoseconds; 0: nothing waits
	report Report // of the same moment, or the moment after
	err    error
}

// errStillLooking: the answer does not come in time.
var errStillLooking = errors.New("the disk has not answered yet")

// of tells how much waits, looked up again when the answer is too old. When none comes in patience, or the files could not
// be read, there is an error in it, and the report is not told.
func (l *backlog) of(now time.Time, patience time.Duration, look func() waiting) waiting {
	l.mu.Lock()
	if age := max(backlogAge, backlogShare*l.took); l.looking == nil && (l.at.IsZero() || now.Sub(l.at) >= age) {
		done := make(chan struct{})
		l.looking = done
		go func() {
			begun := time.Now()
			found := look()
			l.mu.Lock()
			l.at, l.took, l.found, l.looking = now, time.Since(begun), found, nil
			l.mu.Unlock()
			close(done)
		}()
	}
	looking := l.looking
	l.mu.Unlock()
	if looking != nil {
		timeout := time.NewTimer(patience)
		defer timeout.Stop()
		select {
		case <-looking:
		case <-timeout.C:
			return waiting{err: errStillLooking}
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.found
}

// backlogNow tells how much waits, at most a second ago where looking costs little.
func (a *Appliance) backlogNow() waiting { return a.backlog.of(time.Now(), backlogPatience, a.look) }

// reportAt is the report of now, but with the spool of the moment in which that was found, so that they agree.
func (a *Appliance) reportAt(w waiting) Report {
	r := a.report()
	if w.err == nil {
		r.Spool = w.report.Spool
	}
	return r
}

// looks is how often a look at the files is repeated until nothing was stored and nothing left meanwhile.
const looks = 3

// look finds out what waits, together with what else the books are made of.
func (a *Appliance) look() (w waiting) {
	before := a.report()
	for range looks {
		w = lookAt(a.spool)
		w.report = a.report()
		if w.err == nil && before.sameRows(w.report) {
			break
		}
		before = w.report
	}
	return w
}

func lookAt(s *spool.Spool) waiting {
	found, err := s.Waiting()
	return waiting{rows: found.Rows, oldest: found.Oldest, err: err}
}

// sameRows reports whether no row came or went between two reports.
func (r Report) sameRows(other Report) bool {
	return r.rows() == other.rows() && r.Spool.Sealed == other.Spool.Sealed && r.Spool.Sent == other.Spool.Sent &&
		r.lostInSpool() == other.lostInSpool() && r.stored() == other.stored()
}

// text says how many rows wait and for how long.
func (w waiting) text(now time.Time) string {
	switch {
	case w.err != nil:
		return "rows not known: " + oneLine(w.err.Error())
	case w.oldest == 0:
		return fmt.Sprintf("%d rows", w.rows)
	}
	return fmt.Sprintf("%d rows; the oldest was sealed %s ago", w.rows, w.age(now))
}

// age is how long the oldest has waited. A clock that was set meanwhile makes it wrong, never negative.
func (w waiting) age(now time.Time) time.Duration {
	return max(0, now.Sub(time.Unix(0, w.oldest))).Round(time.Second)
}
