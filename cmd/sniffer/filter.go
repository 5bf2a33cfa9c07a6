package main

import (
	"flag"
	"fmt"
	"io"
	"net/netip"
	"strings"

	"network-sniffer/board/appliance"
	"network-sniffer/board/config"
	"network-sniffer/rawsock/pcapfilter"
)

// noNetmask stands for an interface without an address, as for tcpdump where no interface is in play: "ip broadcast" is
// 0.0.0.0 or 255.255.255.255.
var noNetmask = netip.PrefixFrom(netip.IPv4Unspecified(), 0)

func filterCommand(args []string, out, errs io.Writer) error {
	var link string
	var snap uint
	var live bool
	var form int // how many times -d was given: tcpdump counts
	forms := func(n int) func(string) error {
		return func(string) error {
			form += n
			return nil
		}
	}
	flags, _, err := parse("filter", args, out, errs, func(f *flag.FlagSet) {
		f.StringVar(&link, "link-type", "EN10MB", "link `TYPE` to compile for, one of "+strings.Join(pcapfilter.LinkTypeNames(), ", "))
		f.BoolVar(&live, "live", false,
			"compile for a packet socket of Linux instead of a savefile; for a cooked link it is one without link-layer headers")
		f.UintVar(&snap, "snaplen", 262144, "`BYTES` that the program returns for a packet it accepts")
		f.BoolFunc("d", "print the program in words, as tcpdump -d does (the default)", forms(1))
		f.BoolFunc("dd", "print it as C", forms(2))
		f.BoolFunc("ddd", "print it as decimal numbers, their count first", forms(3))
	})
	if err != nil {
		return err
	}
	linkType, ok := pcapfilter.LinkTypeNamed(link)
	if !ok {
		return fmt.Errorf("%w: --link-type %q is none of %s", config.ErrUsage, link, strings.Join(pcapfilter.LinkTypeNames(), ", "))
	}
	if snap == 0 || snap > 262144 {
		return fmt.Errorf("%w: --snaplen %d is not between 1 and 262144", config.ErrUsage, snap)
	}
	program, err := pcapfilter.Compile(strings.Join(flags.Args(), " "), pcapfilter.Options{
		LinkType: linkType, SnapLength: uint32(snap), Live: live,
		Names: pcapfilter.SystemNames(appliance.LookupTimeout), Netmask: noNetmask, MustMatch: true,
	})
	if err != nil {
		return err
	}
	switch {
	case form > 2:
		fmt.Fprint(out, pcapfilter.FormatDDD(program))
	case form == 2:
		fmt.Fprint(out, pcapfilter.FormatDD(program))
	default:
		fmt.Fprint(out, pcapfilter.FormatD(program))
	}
	return nil
}
