package main

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"golang.org/x/net/bpf"

	"network-sniffer/board"
	"network-sniffer/board/appliance"
	"network-sniffer/board/config"
	"network-sniffer/decode"
	"network-sniffer/rawsock/pcapfilter"
	"network-sniffer/rawsock/savefile"
)

func readCommand(args []string, out, errs io.Writer) error {
	var format string
	var quiet bool
	flags, c, err := parse("read", args, out, errs, func(f *flag.FlagSet) {
		f.StringVar(&format, "format", "text", "`FORMAT` of the output: text, json (an object a line) or csv")
		f.BoolVar(&quiet, "quiet", false, "print nothing, only upload")
	}, config.Filter, config.DatabaseURL, config.UplinkRate, config.UplinkFormat, config.DeviceName, config.DeviceID)
	if err != nil {
		return err
	}
	if err := arguments(flags, 1, 1); err != nil {
		return fmt.Errorf("%w; which file?", err)
	}
	print, err := printerFor(format)
	if err != nil {
		return err
	}
	if quiet {
		print = nil
	}
	// A mistake in the expression shows before anything is printed or stored. Ethernet and the cooked headers
	// know every word between them.
	filter := pcapfilter.Options{
		LinkType: pcapfilter.Ethernet, Names: pcapfilter.SystemNames(appliance.LookupTimeout), Netmask: noNetmask, MustMatch: true,
	}
	if _, err := pcapfilter.Compile(c.Filter, filter); err != nil {
		cooked := filter
		cooked.LinkType = pcapfilter.LinuxSLL2
		if _, errCooked := pcapfilter.Compile(c.Filter, cooked); errCooked != nil {
			return err
		}
	}
	filter.MustMatch = false // a file may have frames of several link types, and some of them none of those asked for
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	path := flags.Arg(0)
	r := &reading{path: path, filter: c.Filter, options: filter, out: bufio.NewWriterSize(out, 64<<10), print: print}
	if c.DatabaseURL != "" {
		if r.importer, err = appliance.NewImport(c, board.At("/"), version, path, errs); err != nil {
			return err
		}
	}
	if r.device = c.DeviceName; r.device == "" {
		r.device = board.At("/").Hostname()
	}
	err = r.all(ctx)
	err = errors.Join(err, r.out.Flush())
	if r.importer != nil {
		// Where a damaged file ends is the same each time it is read: what came before is all of it.
		complete := err == nil || errors.Is(err, savefile.ErrTruncated) || errors.Is(err, savefile.ErrFormat)
		summary, closeErr := r.importer.Close(ctx, complete)
		fmt.Fprint(errs, summary)
		err = errors.Join(err, closeErr)
	}
	return err
}

// printer writes one packet, or the first line when p is nil.
type printer func(dst []byte, p *decode.Packet, device, iface string) []byte

func printerFor(format string) (printer, error) {
	switch format {
	case "text":
		return func(dst []byte, p *decode.Packet, _, iface string) []byte {
			if p == nil {
				return dst
			}
			return append(p.AppendText(dst, iface), '\n')
		}, nil
	case "json":
		return func(dst []byte, p *decode.Packet, device, iface string) []byte {
			if p == nil {
				return dst
			}
			return append(p.AppendJSON(dst, device, iface), '\n')
		}, nil
	case "csv":
		return func(dst []byte, p *decode.Packet, device, iface string) []byte {
			if p == nil {
				return append(append(dst, decode.CSVHeader()...), "\r\n"...)
			}
			return append(p.AppendCSV(dst, device, iface), "\r\n"...)
		}, nil
	}
	return nil, fmt.Errorf("%w: --format %q is none of text, json and csv", config.ErrUsage, format)
}

// reading walks one file.
type reading struct {
	path, filter, device string
	options              pcapfilter.Options // of the filter, for the link type that was compiled last
	out                  *bufio.Writer
	print                printer // nil: nothing is printed
	importer             *appliance.Import

	names []string // of the file's interfaces
	vms   map[uint16]*bpf.VM
	line  []byte
}

func (r *reading) all(ctx context.Context) error {
	in := io.Reader(os.Stdin)
	if r.path != "-" {
		f, err := os.Open(r.path)
		if err != nil {
			return err
		}
		defer f.Close()
		in = f
	}
	file, err := savefile.NewReader(in)
	if err != nil {
		return fmt.Errorf("%s: %w", r.path, err)
	}
	if r.print != nil {
		r.out.Write(r.print(nil, nil, "", ""))
	}
	var f savefile.Frame
	var p decode.Packet
	for ctx.Err() == nil {
		switch err := file.Next(&f); {
		case err == io.EOF:
			return nil
		case err != nil:
			return fmt.Errorf("%s: %w", r.path, err)
		}
		keep, err := r.keeps(&f)
		if err != nil {
			return err
		}
		if !keep {
			continue
		}
		index, err := r.interfaceOf(file, f.Interface)
		if err != nil {
			return err
		}
		decode.Decode(&p, &decode.Meta{
			Time: f.Time, WireLength: f.WireLength, LinkType: decode.LinkType(f.LinkType),
			Interface: index, Direction: decode.Direction(f.Direction),
		}, f.Data)
		if r.print != nil {
			r.line = r.print(r.line[:0], &p, r.device, r.names[index])
			if _, err := r.out.Write(r.line); err != nil {
				return err
			}
		}
		if r.importer != nil {
			if err := r.importer.Record(ctx, &p); err != nil {
				return err
			}
		}
	}
	return context.Cause(ctx)
}

// interfaceOf makes sure that an interface of the file has a name and a recorder.
func (r *reading) interfaceOf(file *savefile.Reader, i int) (uint8, error) {
	if i < len(r.names) {
		return uint8(i), nil
	}
	for n, known := range file.Interfaces() {
		if n < len(r.names) {
			continue
		}
		name := known.Name
		if name == "" {
			name = filepath.Base(r.path)
		}
		if len(r.names) == appliance.MaxInterfaces {
			return 0, fmt.Errorf("%s: %w: a file may name %d", r.path, appliance.ErrTooMany, appliance.MaxInterfaces)
		}
		r.names = append(r.names, name)
		if r.importer != nil {
			r.importer.AddInterface(name, r.filter, known.SnapLength)
		}
	}
	if i >= len(r.names) {
		return 0, fmt.Errorf("%s: a frame of interface %d, which the file does not describe", r.path, i)
	}
	return uint8(i), nil
}

// keeps applies the filter, compiled once for each link type of the file.
func (r *reading) keeps(f *savefile.Frame) (bool, error) {
	if r.filter == "" {
		return true, nil
	}
	vm, ok := r.vms[f.LinkType]
	if !ok {
		r.options.LinkType = pcapfilter.LinkType(f.LinkType)
		program, err := pcapfilter.Compile(r.filter, r.options)
		if err != nil {
			return false, err
		}
		if vm, err = bpf.NewVM(program); err != nil {
			return false, fmt.Errorf("filter %q: %w", r.filter, err)
		}
		if r.vms == nil {
			r.vms = map[uint16]*bpf.VM{}
		}
		r.vms[f.LinkType] = vm
	}
	n, err := vm.Run(f.Data)
	return n > 0, err
}
