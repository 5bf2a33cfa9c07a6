package main

import (
	"flag"
	"fmt"
	"io"
	"strings"

	"network-sniffer/board/config"
	"network-sniffer/rawsock/pcapfilter"
)

// linkTypes are the names that tcpdump -y takes, and the LINKTYPE_ numbers behind them.
var linkTypes = map[string]pcapfilter.LinkType{"EN10MB": 1, "RAW": 101, "IPV4": 228, "IPV6": 229}

func filterCommand(args []string, out, errs io.Writer) error {
	var link string
	var snap uint
	var d, dd, ddd bool
	flags, _, err := parse("filter", args, out, errs, func(f *flag.FlagSet) {
		f.StringVar(&link, "link-type", "EN10MB", "link `TYPE` to compile for: EN10MB, RAW, IPV4 or IPV6")
		f.UintVar(&snap, "snaplen", 262144, "`BYTES` that the program returns for a packet it accepts")
		f.BoolVar(&d, "d", false, "print the program in words, as tcpdump -d does (the default)")
		f.BoolVar(&dd, "dd", false, "print it as C")
		f.BoolVar(&ddd, "ddd", false, "print it as decimal numbers, their count first")
	})
	if err != nil {
		return err
	}
	number, ok := linkTypes[strings.ToUpper(link)]
	if !ok {
		return fmt.Errorf("%w: --link-type %q is none of EN10MB, RAW, IPV4 and IPV6", config.ErrUsage, link)
	}
	if snap == 0 || snap > 262144 {
		return fmt.Errorf("%w: --snaplen %d is not between 1 and 262144", config.ErrUsage, snap)
	}
	program, err := pcapfilter.Compile(strings.Join(flags.Args(), " "), pcapfilter.Options{
		LinkType: number, SnapLength: uint32(snap),
	})
	if err != nil {
		return err
	}
	switch {
	case ddd:
		fmt.Fprint(out, pcapfilter.FormatDDD(program))
	case dd:
		fmt.Fprint(out, pcapfilter.FormatDD(program))
	default:
		fmt.Fprint(out, pcapfilter.FormatD(program))
	}
	return nil
}
