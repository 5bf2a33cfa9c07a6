package appliance

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"time"
	"unicode"

	"network-sniffer/uplink/spool"
)

// Marks, all sessions together: marksBurst at once, and one each markEvery. A mark is a segment, which costs the spool a block,
// the flash a write and the ledger a row: without a bound anybody at the console could leave so many during an outage that
// the spool gives up rows for them.
const (
	marksBurst = 20
	markEvery  = 10 * time.Second
)

var (
	// errMarkText: a mark has no text that can be kept.
	errMarkText = errors.New("a mark needs a text")
	// errMarkRate: too many were left lately.
	errMarkRate = errors.New("marks come too fast")
)

// markPace keeps to that bound.
type markPace struct {
	mu   sync.Mutex
	full time.Time // when marksBurst are allowed at once again
}

// take allows a mark, or says how long there will be none.
func (p *markPace) take(now time.Time) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	full := p.full
	if full.Before(now) {
		full = now
	}
	full = full.Add(markEvery)
	if wait := full.Sub(now) - marksBurst*markEvery; wait > 0 {
		return fmt.Errorf("%w: one each %s is taken in the long run, the next one in %s", errMarkRate, markEvery,
			wait.Truncate(time.Second)+time.Second)
	}
	p.full = full
	return nil
}

// mark enters what somebody at the console typed into the ledger, and tells the log. It returns when the mark is in the
// spool: from there it goes to the database like any row, also when none is configured yet.
func (a *Appliance) mark(from netip.AddrPort, typed string) error {
	text, err := markText(typed)
	if err != nil {
		return err
	}
	if err := a.marks.take(time.Now()); err != nil {
		return err
	}
	if err := a.sealer.Mark("console "+from.Addr().Unmap().String(), text); err != nil {
		return err
	}
	a.log.Info("mark", "client", from, "text", text)
	return nil
}

// markText makes one printable line of what was typed: whatever else a client sends, it does not come back from the database.
func markText(typed string) (string, error) {
	text := strings.TrimSpace(strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) { // and so is U+FFFD, which stands for a byte that is not UTF-8
			return r
		}
		return ' '
	}, typed))
	switch {
	case text == "":
		return "", fmt.Errorf(`%w, as in: mark "new switch in the cellar"`, errMarkText)
	case len(text) > spool.MaxMarkText:
		return "", fmt.Errorf("%w of %d bytes at most, this one has %d", errMarkText, spool.MaxMarkText, len(text))
	}
	return text, nil
}
