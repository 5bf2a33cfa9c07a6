// Command sniffer records the metadata of every packet that crosses an interface into PostgreSQL, and shows
// live traffic to whoever connects to TCP port 8000.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"

	"network-sniffer/board/config"
	"network-sniffer/rawsock/pcapfilter"
	"network-sniffer/uplink"
)

// version is set by the build: -ldflags "-X main.version=…".
var version = "development"

// Exit statuses.
const (
	exitOK     = 0
	exitFailed = 1 // something did not work; stderr says what
	exitUsage  = 2 // the command line cannot be carried out as it is
)

// command is one subcommand. Its function gets the arguments behind its name.
type command struct {
	name, arguments, summary string
	run                      func(args []string, out, errs io.Writer) error
	notes                    string // more help
}

func commands() []command {
	return []command{
		{"run", "[OPTION]...", "record live traffic", runCommand, ""},
		{"read", "[OPTION]... FILE", "print a pcap or pcapng file, and upload it", readCommand, ""},
		{"console", "[HOST:PORT]", "watch live traffic on this machine or another", consoleCommand, consoleNotes},
		{"filter", "[OPTION]... EXPR", "show what a filter expression compiles to", filterCommand, ""},
		{"schema", "print|apply|check|retention [OPTION]...", "the database's tables", schemaCommand, ""},
		{"spool", "list|dump|verify|drop [OPTION]... [SEGMENT]...", "what waits for the database", spoolCommand, spoolNotes},
		{"fields", "[OPTION]...", "the fields of a record, and what they mean", fieldsCommand, ""},
		{"check", "[OPTION]... [INTERFACE]...", "tell whether this machine can record, and what it would record", checkCommand, ""},
		{"password", "", "make the hash of a password for the console", passwordCommand, passwordNotes},
		{"version", "", "print the version", versionCommand, ""},
	}
}

// errSilent ends with exitFailed after the command has said everything itself.
var errSilent = errors.New("failed")

func main() {
	os.Exit(dispatch(os.Args[1:], os.Stdout, os.Stderr))
}

func dispatch(args []string, out, errs io.Writer) int {
	if len(args) == 0 {
		usage(errs)
		return exitUsage
	}
	switch args[0] {
	case "help", "-h", "-help", "--help":
		usage(out)
		return exitOK
	}
	for _, c := range commands() {
		if c.name != args[0] {
			continue
		}
		err := c.run(args[1:], out, errs)
		var bad *pcapfilter.Error
		switch {
		case err == nil:
			return exitOK
		case errors.Is(err, flag.ErrHelp):
			return exitOK
		case errors.Is(err, errSilent):
			return exitFailed
		case errors.As(err, &bad):
			fmt.Fprintf(errs, "sniffer %s: %v\n%s\n", c.name, bad, bad.Caret())
			return exitUsage
		case errors.Is(err, config.ErrUsage), errors.Is(err, uplink.ErrURL):
			fmt.Fprintf(errs, "sniffer %s: %v\nTry: sniffer %s --help\n", c.name, err, c.name)
			return exitUsage
		}
		fmt.Fprintf(errs, "sniffer %s: %v\n", c.name, err)
		return exitFailed
	}
	fmt.Fprintf(errs, "sniffer: %q is no command\n\n", args[0])
	usage(errs)
	return exitUsage
}

func usage(w io.Writer) {
	fmt.Fprintf(w, "sniffer %s records packet metadata into PostgreSQL and shows it on TCP port 8000.\n\n", version)
	fmt.Fprintf(w, "Usage: sniffer COMMAND [OPTION]...\n\n")
	for _, c := range commands() {
		fmt.Fprintf(w, "  %-8s %s\n", c.name, c.summary)
	}
	fmt.Fprintf(w, "\nsniffer COMMAND --help tells the options of a command.\n")
}

func versionCommand(args []string, out, errs io.Writer) error {
	flags, _, err := parse("version", args, out, errs, nil)
	if err != nil {
		return err
	}
	if err := arguments(flags, 0, 0); err != nil {
		return err
	}
	fmt.Fprintln(out, "sniffer", version)
	return nil
}
