package uplink

import (
	"strings"
	"time"

	"github.com/lib/pq"
)

// complaints keeps the log readable while something stays wrong: each reason is told once in complainEvery, however its
// text changes from one attempt to the next.
type complaints struct {
	told map[string]time.Time
}

// due reports whether an error is to be logged now, and remembers that it was. When more than maxReasons were told
// lately a new one waits until one of them is old: those that are there say enough.
func (c *complaints) due(err error, now time.Time) bool {
	r := reason(err)
	if last, ok := c.told[r]; ok && now.Sub(last) < complainEvery {
		return false
	}
	for old, last := range c.told {
		if now.Sub(last) >= complainEvery {
			delete(c.told, old)
		}
	}
	if len(c.told) >= maxReasons {
		return false
	}
	if c.told == nil {
		c.told = map[string]time.Time{}
	}
	c.told[r] = now
	return true
}

// reason is what stays of an error from one attempt to the next: the server's SQLSTATE, or the text without its digits,
// which are ports, addresses and counts.
func reason(err error) string {
	if p := pq.As(err); p != nil {
		return string(p.Code)
	}
	return strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' {
			return -1
		}
		return r
	}, err.Error())
}
