package appliance

import (
	"fmt"
	"sync"
	"time"

	"network-sniffer/uplink/spool"
)

// backlogAge is how old the answer about the backlog may be: finding out reads the header of every segment that waits.
const backlogAge = 10 * time.Second

// backlogPatience is how long a session waits for the answer: the disk may hang, and the console goes on.
const backlogPatience = 2 * time.Second

// backlog is what waits for the database, as far as somebody asked lately. The spool counts segments and bytes by itself;
// the rows of a long outage are told by the files alone.
type backlog struct {
	mu      sync.Mutex
	at      time.Time // of found
	found   waiting
	looking chan struct{} // closed at the end of the look that is under way; nil: there is none
}

// waiting is what was found.
type waiting struct {
	rows   uint64
	oldest int64 // when the oldest was sealed, Unix nanoseconds; 0: nothing waits
	err    error
}

// text says how many rows wait and for how long, looked up again when the answer is too old.
func (l *backlog) text(now time.Time, dirs ...string) string {
	return l.textOf(now, backlogPatience, func() waiting { return look(dirs) })
}

func (l *backlog) textOf(now time.Time, patience time.Duration, look func() waiting) string {
	l.mu.Lock()
	if l.looking == nil && (l.at.IsZero() || now.Sub(l.at) >= backlogAge) {
		done := make(chan struct{})
		l.looking = done
		go func() {
			found := look()
			l.mu.Lock()
			l.at, l.found, l.looking = now, found, nil
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
			return "rows not known: the disk has not answered yet"
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.found.text(now)
}

func (w waiting) text(now time.Time) string {
	switch {
	case w.err != nil:
		return "rows not known: " + w.err.Error()
	case w.oldest == 0:
		return fmt.Sprintf("%d rows", w.rows)
	}
	// A clock that was set meanwhile makes the age wrong, never negative.
	return fmt.Sprintf("%d rows; the oldest was sealed %s ago", w.rows, max(0, now.Sub(time.Unix(0, w.oldest))).Round(time.Second))
}

func look(dirs []string) (w waiting) {
	w.err = spool.Walk(spool.Disk{}, dirs, func(i spool.Info) error {
		w.rows += i.Header.Rows
		if i.Err == nil && (w.oldest == 0 || i.Header.SealedAt < w.oldest) {
			w.oldest = i.Header.SealedAt
		}
		return nil
	})
	return w
}
