package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"network-sniffer/board/config"
	"network-sniffer/uplink/spool"
)

// dropTimeout is how long the daemon may take to answer: it may be writing a large file to a slow stick.
const dropTimeout = time.Minute

// dropLine is the output of drop with --json.
type dropLine struct {
	Segments int    `json:"segments"`
	Rows     uint64 `json:"row_count"`
	Reason   string `json:"reason"` // what the ledger calls them
}

// drop gives the oldest segments up after it has said what goes and was allowed to.
func (c *spoolCall) drop() error {
	if c.all == (c.oldest > 0) {
		return fmt.Errorf("%w: say what to drop: --oldest N or --all", config.ErrUsage)
	}
	var going victims
	err := c.walk(func(i spool.Info) error {
		if !c.all && going.segments == int(c.oldest) {
			return errEnough
		}
		going.add(i)
		return nil
	})
	if err != nil && !errors.Is(err, errEnough) {
		return err
	}
	if going.segments == 0 {
		return c.dropped(spool.DiscardResult{})
	}
	fmt.Fprintf(c.errs, "%s. The rows never get to the database; its ledger will count them as %q.\n", going, spool.LossDiscarded)
	if !c.yes {
		if !terminal(os.Stdin) {
			return fmt.Errorf("%w: nobody is there to be asked: add --yes", config.ErrUsage)
		}
		if !confirmed(os.Stdin, c.errs) {
			return fmt.Errorf("nothing was dropped")
		}
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	ctx, cancel := context.WithTimeout(ctx, dropTimeout)
	defer cancel()
	count := going.segments
	if c.all {
		count = 0
	}
	// The bounds of the tiers are the daemon's affair: nothing is to go because of them now.
	second := spool.Overflow{Dir: c.config.SpoolOverflowDir, Limit: math.MaxInt64, After: math.MaxInt64}
	result, err := spool.Discard(ctx, spool.Disk{}, c.config.SpoolDir, second, count)
	if err != nil {
		return err
	}
	return c.dropped(result)
}

func (c *spoolCall) dropped(r spool.DiscardResult) error {
	if c.json {
		return json.NewEncoder(c.out).Encode(dropLine{r.Segments, r.Rows, spool.LossDiscarded})
	}
	_, err := fmt.Fprintf(c.out, "dropped %d segments with %d rows\n", r.Segments, r.Rows)
	return err
}

// victims are what is about to go.
type victims struct {
	segments    int
	rows        uint64
	first, last int64
}

func (v *victims) add(i spool.Info) {
	h := &i.Header
	if i.Err == nil && h.Tombstone {
		return // given up before, and still to be told to the ledger: there is nothing left to drop of it
	}
	v.segments++
	if i.Err != nil || h.Rows == 0 {
		return
	}
	if v.rows == 0 || h.FirstTime < v.first {
		v.first = h.FirstTime
	}
	if v.rows == 0 || h.LastTime > v.last {
		v.last = h.LastTime
	}
	v.rows += h.Rows
}

func (v victims) String() string {
	text := fmt.Sprintf("%d segments with %d rows", v.segments, v.rows)
	if v.rows > 0 {
		text += fmt.Sprintf(", from %s to %s,", stamp(v.first), stamp(v.last))
	}
	return text + " go"
}

// confirmed asks a person; only a whole yes is one.
func confirmed(in io.Reader, out io.Writer) bool {
	fmt.Fprint(out, "Type yes to drop them: ")
	answer, _ := bufio.NewReader(in).ReadString('\n')
	return strings.TrimSpace(answer) == "yes"
}
