package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"network-sniffer/uplink/spool"
)

// progressEvery is how often a person at a terminal is told how far a long action is.
const progressEvery = time.Second

// verify reads every file of every tier and names what is wrong.
func (c *spoolCall) verify() error {
	enc := json.NewEncoder(c.out)
	progress := terminal(c.errs)
	told := time.Now()
	var segments, wrong int
	var rows uint64
	var bytes int64
	var failed error
	err := spool.Verify(spool.Disk{}, c.dirs(), func(i spool.Info) {
		if sentMeanwhile(i.Err) {
			return
		}
		l := lineOf(i)
		segments++
		rows += l.Rows
		bytes += l.Bytes
		if l.Error != "" {
			wrong++
		}
		var err error
		switch {
		case c.json:
			err = enc.Encode(l)
		case l.Error != "":
			_, err = fmt.Fprintln(c.out, l)
		}
		if failed == nil {
			failed = err
		}
		if now := time.Now(); progress && now.Sub(told) >= progressEvery {
			told = now
			fmt.Fprintf(c.errs, "\r%d segments, %d bytes so far ", segments, bytes)
		}
	})
	if progress {
		fmt.Fprint(c.errs, "\r\x1b[K") // ECMA-48 EL: the line is empty again
	}
	if err := errors.Join(err, failed); err != nil {
		return err
	}
	if wrong > 0 {
		fmt.Fprintf(c.errs, "%d of %d segments are wrong; the daemon sets them aside when it gets to them, and counts their rows\n",
			wrong, segments)
		return errSilent
	}
	if !c.json {
		fmt.Fprintf(c.out, "%d segments, %d rows, %d bytes: every checksum is right\n", segments, rows, bytes)
	}
	return nil
}
