package appliance

import (
	"fmt"
	"sync"
	"time"

	"network-sniffer/uplink/spool"
)

// backlogAge is how old the answer about the backlog may be: finding out reads the header of every segment that waits.
const backlogAge = 10 * time.Second

// backlog is what waits for the database, as far as somebody asked lately. The spool counts segments and bytes by itself;
// the rows of a long outage are told by the files alone.
type backlog struct {
	mu     sync.Mutex
	at     time.Time // of what follows
	rows   uint64
	oldest int64 // when the oldest was sealed, Unix nanoseconds; 0: nothing waits
	err    error
}

// text says how many rows wait and for how long, looked up again when the answer is too old.
func (l *backlog) text(now time.Time, dirs ...string) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.at.IsZero() || now.Sub(l.at) >= backlogAge {
		l.look(dirs)
		l.at = now
	}
	switch {
	case l.err != nil:
		return "rows not known: " + l.err.Error()
	case l.oldest == 0:
		return fmt.Sprintf("%d rows", l.rows)
	}
	// A clock that was set meanwhile makes the age wrong, never negative.
	return fmt.Sprintf("%d rows; the oldest was sealed %s ago", l.rows, max(0, now.Sub(time.Unix(0, l.oldest))).Round(time.Second))
}

func (l *backlog) look(dirs []string) {
	l.rows, l.oldest = 0, 0
	l.err = spool.Walk(spool.Disk{}, dirs, func(i spool.Info) error {
		l.rows += i.Header.Rows
		if i.Err == nil && (l.oldest == 0 || i.Header.SealedAt < l.oldest) {
			l.oldest = i.Header.SealedAt
		}
		return nil
	})
}
