package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"time"

	"network-sniffer/board/config"
	"network-sniffer/uplink"
	"network-sniffer/uplink/spool"
)

// segmentLine is one segment in the output of spool list --json.
type segmentLine struct {
	File      string `json:"file"`
	Bytes     int64  `json:"bytes"`
	Run       string `json:"run,omitempty"`
	Sequence  uint64 `json:"sequence,omitempty"`
	Last      uint64 `json:"last_sequence,omitempty"`
	Rows      uint64 `json:"row_count"`
	FirstTime string `json:"first_ts,omitempty"`
	LastTime  string `json:"last_ts,omitempty"`
	Final     bool   `json:"final,omitempty"`
	Tombstone bool   `json:"tombstone,omitempty"`
	Error     string `json:"error,omitempty"`
}

func spoolCommand(args []string, out, errs io.Writer) error {
	var asJSON bool
	flags, c, err := parse("spool", args, out, errs, func(f *flag.FlagSet) {
		f.BoolVar(&asJSON, "json", false, "one JSON object a line")
	}, config.SpoolDir)
	if err != nil {
		return err
	}
	if err := arguments(flags, 1, 1); err != nil {
		return fmt.Errorf("%w; there is: sniffer spool list", err)
	}
	if flags.Arg(0) != "list" {
		return fmt.Errorf("%w: %q is no action; there is: sniffer spool list", config.ErrUsage, flags.Arg(0))
	}
	infos, err := spool.Inspect(spool.Disk{}, c.SpoolDir)
	if err != nil {
		return err
	}
	var rows uint64
	var bytes int64
	enc := json.NewEncoder(out)
	for _, i := range infos {
		l := lineOf(i)
		rows += l.Rows
		bytes += l.Bytes
		switch {
		case asJSON:
			if err := enc.Encode(l); err != nil {
				return err
			}
		case l.Error != "":
			fmt.Fprintf(out, "%s  %d bytes  %s\n", l.File, l.Bytes, l.Error)
		case l.Tombstone:
			fmt.Fprintf(out, "%s  run %s  sequence %d-%d  rows dropped, the ledger will say how many\n", l.File, l.Run, l.Sequence, l.Last)
		default:
			fmt.Fprintf(out, "%s  run %s  sequence %d  %d rows  %d bytes  %s\n", l.File, l.Run, l.Sequence, l.Rows, l.Bytes, l.FirstTime)
		}
	}
	if !asJSON {
		fmt.Fprintf(out, "%d segments, %d rows, %d bytes wait in %s\n", len(infos), rows, bytes, c.SpoolDir)
	}
	return nil
}

func lineOf(i spool.Info) segmentLine {
	if i.Err != nil {
		l := segmentLine{File: i.Path, Error: i.Err.Error()}
		if info, err := os.Stat(i.Path); err == nil {
			l.Bytes = info.Size() // what cannot be read takes room nevertheless
		}
		return l
	}
	h := i.Header
	l := segmentLine{
		File: i.Path, Bytes: i.Size, Run: uplink.FormatUUID(h.Run), Sequence: h.Sequence, Last: h.Last,
		Rows: h.Rows, Final: h.Final, Tombstone: h.Tombstone,
	}
	if h.Rows > 0 {
		l.FirstTime, l.LastTime = stamp(h.FirstTime), stamp(h.LastTime)
	}
	return l
}

func stamp(ns int64) string { return time.Unix(0, ns).UTC().Format(time.RFC3339Nano) }
