package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"network-sniffer/board/config"
	"network-sniffer/uplink"
	"network-sniffer/uplink/spool"
)

// spoolNotes stand below the usage line of `sniffer spool --help`.
const spoolNotes = `
Actions, all of which work beside a running daemon and without one:
  list               what waits for the database, oldest first
  dump [SEGMENT]...  print the rows, and as text the marks; SEGMENT is a file that list shows, or RUN/SEQUENCE; none: all
  verify             read everything and check every checksum; status 1 when something is wrong
  drop               give rows up: the ledger counts them as "discarded"

Examples:
  sniffer spool list --json
  sniffer spool dump --format csv --rows 1000 > rows.csv
  sniffer spool verify --spool-overflow-dir /mnt/usb/sniffer
  sniffer spool drop --oldest 100
  sniffer spool drop --all --yes
`

// spoolCall is one use of the command.
type spoolCall struct {
	config    config.Config
	out, errs io.Writer
	arguments []string

	json   bool
	format string
	rows   uint64 // at most; 0: all
	oldest uint   // segments; 0: not said
	all    bool
	yes    bool
}

// spoolAction is one action and the flags, beside those that say where the spool is, that mean something to it.
type spoolAction struct {
	name      string
	flags     []string
	arguments int // at most; -1: any number
	run       func(*spoolCall) error
}

var spoolActions = []spoolAction{
	{"list", []string{"json"}, 0, (*spoolCall).list},
	{"dump", []string{"json", "format", "rows", "n"}, -1, (*spoolCall).dump},
	{"verify", []string{"json"}, 0, (*spoolCall).verify},
	{"drop", []string{"json", "oldest", "all", "yes"}, 0, (*spoolCall).drop},
}

var spoolOptions = []config.Option{config.SpoolDir, config.SpoolOverflowDir}

func spoolCommand(args []string, out, errs io.Writer) error {
	c := spoolCall{out: out, errs: errs}
	flags, settings, err := parse("spool", args, out, errs, func(f *flag.FlagSet) {
		f.BoolVar(&c.json, "json", false, "one JSON object a line")
		f.StringVar(&c.format, "format", "text", "dump: `FORMAT` of the rows: text, json (an object a line) or csv")
		f.Uint64Var(&c.rows, "rows", 0, "dump: print `N` rows at most")
		f.Uint64Var(&c.rows, "n", 0, "dump: the same as --rows `N`")
		f.UintVar(&c.oldest, "oldest", 0, "drop: the `N` oldest segments")
		f.BoolVar(&c.all, "all", false, "drop: every segment")
		f.BoolVar(&c.yes, "yes", false, "drop: do not ask")
	}, spoolOptions...)
	if err != nil {
		return err
	}
	c.config = settings
	action, err := spoolActionNamed(flags)
	if err != nil {
		return err
	}
	c.arguments = flags.Args()[1:]
	return action.run(&c)
}

// spoolActionNamed finds the action of the command line and refuses flags that belong to another one.
func spoolActionNamed(flags *flag.FlagSet) (*spoolAction, error) {
	if err := arguments(flags, 1, flags.NArg()); err != nil {
		return nil, fmt.Errorf("%w; one of list, dump, verify and drop", err)
	}
	i := slices.IndexFunc(spoolActions, func(a spoolAction) bool { return a.name == flags.Arg(0) })
	if i < 0 {
		return nil, fmt.Errorf("%w: %q is none of list, dump, verify and drop", config.ErrUsage, flags.Arg(0))
	}
	action := &spoolActions[i]
	if action.arguments >= 0 {
		if err := arguments(flags, 1, 1+action.arguments); err != nil {
			return nil, err
		}
	}
	var err error
	flags.Visit(func(f *flag.Flag) {
		where := slices.ContainsFunc(spoolOptions, func(o config.Option) bool { return o.Name == f.Name })
		if !where && !slices.Contains(action.flags, f.Name) {
			err = fmt.Errorf("%w: --%s is not for %s", config.ErrUsage, f.Name, action.name)
		}
	})
	return action, err
}

// dirs are the directories of the tiers that are configured.
func (c *spoolCall) dirs() []string {
	if c.config.SpoolOverflowDir == "" {
		return []string{c.config.SpoolDir}
	}
	return []string{c.config.SpoolDir, c.config.SpoolOverflowDir}
}

// segmentLine is one segment in the output of list and verify with --json.
type segmentLine struct {
	File      string     `json:"file"`
	Bundle    string     `json:"bundle,omitempty"`
	Tier      int        `json:"tier"`
	Bytes     int64      `json:"bytes"`
	Run       string     `json:"run,omitempty"`
	Sequence  uint64     `json:"sequence,omitempty"`
	Last      uint64     `json:"last_sequence,omitempty"`
	Rows      uint64     `json:"row_count"`
	FirstTime string     `json:"first_ts,omitempty"`
	LastTime  string     `json:"last_ts,omitempty"`
	Clock     string     `json:"clock_state,omitempty"`
	Final     bool       `json:"final,omitempty"`
	Tombstone bool       `json:"tombstone,omitempty"`
	Marks     []markLine `json:"marks,omitempty"`
	LostMarks uint64     `json:"lost_marks,omitempty"`
	Error     string     `json:"error,omitempty"`
}

func lineOf(i spool.Info) segmentLine {
	l := segmentLine{File: i.Path, Bundle: i.Bundle, Tier: i.Tier, Bytes: i.Size}
	if i.Err != nil {
		l.Error = i.Err.Error()
		if info, err := os.Stat(i.Path); err == nil {
			l.Bytes = info.Size() // what cannot be read takes room nevertheless
		}
		return l
	}
	h := i.Header
	l.Run, l.Sequence, l.Last, l.Rows = uplink.FormatUUID(h.Run), h.Sequence, h.Last, h.Rows
	l.Clock, l.Final, l.Tombstone = h.Clock.State.String(), h.Final, h.Tombstone
	l.Marks, l.LostMarks = marksOf(&h), h.LostMarks
	if h.Rows > 0 {
		l.FirstTime, l.LastTime = stamp(h.FirstTime), stamp(h.LastTime)
	}
	return l
}

func stamp(ns int64) string { return time.Unix(0, ns).UTC().Format(time.RFC3339Nano) }

// String is the line for people.
func (l segmentLine) String() string {
	where := l.File
	if l.Bundle != "" {
		where = l.Bundle
	}
	switch {
	case l.Error != "":
		return fmt.Sprintf("%s  %d bytes  %s", where, l.Bytes, l.Error)
	case l.Tombstone:
		return fmt.Sprintf("%s  run %s  sequence %d-%d  rows dropped, the ledger will say how many", where, l.Run, l.Sequence, l.Last)
	}
	return fmt.Sprintf("%s  run %s  sequence %d  %d rows  %d bytes  %s", where, l.Run, l.Sequence, l.Rows, l.Bytes, l.FirstTime)
}

// walk goes over what waits, oldest first, one segment at a time: a long outage leaves more than fits in memory. What the
// daemon sends meanwhile does not wait any more.
func (c *spoolCall) walk(visit func(spool.Info) error) error {
	return spool.Walk(spool.Disk{}, c.dirs(), func(i spool.Info) error {
		if sentMeanwhile(i.Err) {
			return nil
		}
		return visit(i)
	})
}

// sentMeanwhile tells a file that has gone from one that is wrong.
func sentMeanwhile(err error) bool {
	return errors.Is(err, os.ErrNotExist) || errors.Is(err, spool.ErrGone)
}

func (c *spoolCall) list() error {
	out := bufio.NewWriterSize(c.out, 64<<10)
	enc := json.NewEncoder(out)
	var segments, rows [3]uint64 // by tier
	var bytes [3]int64
	err := c.walk(func(i spool.Info) error {
		l := lineOf(i)
		segments[l.Tier]++
		rows[l.Tier] += l.Rows
		bytes[l.Tier] += l.Bytes
		if c.json {
			return enc.Encode(l)
		}
		_, err := fmt.Fprintln(out, l)
		for _, m := range l.Marks {
			fmt.Fprintln(out, " ", m)
		}
		if l.LostMarks > 0 {
			fmt.Fprintf(out, "  %d marks lost\n", l.LostMarks)
		}
		return err // of a write that failed all later ones fail
	})
	if err != nil {
		return errors.Join(err, out.Flush())
	}
	if !c.json {
		for tier, dir := range c.dirs() {
			tier++
			fmt.Fprintf(out, "%d segments, %d rows, %d bytes wait in %s\n", segments[tier], rows[tier], bytes[tier], dir)
		}
	}
	return out.Flush()
}

// isNamed tells whether a name stands for a segment: a file, with or without its directory, a bundle for all that it
// holds, or run and sequence number.
func isNamed(i spool.Info, name string) bool {
	for _, file := range []string{i.Path, i.Bundle} {
		if file != "" && (file == name || strings.HasSuffix(file, "/"+name)) {
			return true
		}
	}
	return i.Err == nil && name == fmt.Sprintf("%s/%d", uplink.FormatUUID(i.Header.Run), i.Header.Sequence)
}
