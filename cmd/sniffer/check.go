package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"slices"

	"network-sniffer/board"
	"network-sniffer/board/appliance"
	"network-sniffer/board/config"
)

func checkCommand(args []string, out, errs io.Writer) error {
	var asJSON bool
	flags, c, err := parse("check", args, out, errs, func(f *flag.FlagSet) {
		f.BoolVar(&asJSON, "json", false, "print one JSON object")
	}, slices.Concat([]config.Option{config.Interface, config.Filter, config.DatabaseURL, config.SpoolDir, config.SpoolSize,
		config.DeviceName, config.DeviceID}, config.Capture, config.Uplink, config.Console)...)
	if err != nil {
		return err
	}
	if flags.NArg() > 0 {
		c.Interfaces = flags.Args()
	}
	warnOfSecret(errs, c)
	findings := appliance.Check(c, board.At("/"))
	bad := 0
	for _, f := range findings {
		if !f.OK {
			bad++
		}
	}
	if asJSON {
		enc := json.NewEncoder(out)
		enc.SetIndent("", "  ")
		if err := enc.Encode(findings); err != nil {
			return err
		}
	} else {
		for _, f := range findings {
			mark := "ok  "
			if !f.OK {
				mark = "BAD "
			}
			fmt.Fprintf(out, "%s %-9s %s\n", mark, f.Subject, f.Text)
		}
	}
	if bad > 0 {
		fmt.Fprintf(errs, "%d of %d checks failed\n", bad, len(findings))
		return errSilent
	}
	return nil
}
