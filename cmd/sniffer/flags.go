package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"

	"network-sniffer/board/appliance"
	"network-sniffer/board/config"
)

// parse reads a command's flags: the named options, which the environment may set too, and whatever more
// adds for this command alone. Flags may stand behind arguments.
func parse(name string, args []string, out, errs io.Writer, more func(*flag.FlagSet), options ...config.Option) (*flag.FlagSet, config.Config, error) {
	var c config.Config
	flags := flag.NewFlagSet("sniffer "+name, flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	environment := config.Bind(flags, &c, os.Getenv, options...)
	own := flag.NewFlagSet("", flag.ContinueOnError)
	if more != nil {
		more(flags)
		more(own)
	}
	var rest []string
	for {
		if err := flags.Parse(args); err != nil {
			if errors.Is(err, flag.ErrHelp) {
				help(out, name, own, options)
				return nil, c, err
			}
			return nil, c, fmt.Errorf("%w: %w", config.ErrUsage, err)
		}
		rest = append(rest, flags.Args()...)
		// flag stops at the first argument; what follows it may hold flags again, unless "--" came before.
		done := len(args) - flags.NArg()
		if flags.NArg() == 0 || done > 0 && args[done-1] == "--" {
			break
		}
		rest = rest[:len(rest)-flags.NArg()+1]
		args = flags.Args()[1:]
	}
	if environment != nil {
		return nil, c, environment
	}
	// Leave the arguments where flags.Args finds them.
	if err := flags.Parse(append([]string{"--"}, rest...)); err != nil {
		return nil, c, fmt.Errorf("%w: %w", config.ErrUsage, err)
	}
	return flags, c, nil
}

func help(w io.Writer, name string, own *flag.FlagSet, options []config.Option) {
	for _, c := range commands() {
		if c.name == name {
			fmt.Fprintf(w, "sniffer %s: %s\n\nUsage: %s\n", c.name, c.summary, strings.TrimSpace("sniffer "+c.name+" "+c.arguments))
			io.WriteString(w, c.notes)
		}
	}
	var b strings.Builder
	own.VisitAll(func(f *flag.Flag) {
		value, text := flag.UnquoteUsage(f)
		dashes := "--"
		if len(f.Name) == 1 || strings.Trim(f.Name, "d") == "" {
			dashes = "-" // tcpdump's -dd and -ddd too
		}
		fmt.Fprintf(&b, "  %s\n        %s\n", strings.TrimSpace(dashes+f.Name+" "+value), text)
		if f.DefValue != "" && f.DefValue != "false" && f.DefValue != "0" {
			fmt.Fprintf(&b, "        default: %s\n", f.DefValue)
		}
	})
	if b.Len() > 0 || len(options) > 0 {
		fmt.Fprintf(w, "\nOptions:\n%s%s", b.String(), config.Usage(options...))
	}
}

// arguments checks the number of arguments that are left.
func arguments(flags *flag.FlagSet, least, most int) error {
	switch n := flags.NArg(); {
	case n < least:
		return fmt.Errorf("%w: an argument is missing", config.ErrUsage)
	case n > most:
		return fmt.Errorf("%w: %q is one argument too many", config.ErrUsage, flags.Arg(most))
	}
	return nil
}

// warnOfSecret is for the commands that do not go through the appliance, which warns by itself.
func warnOfSecret(errs io.Writer, c config.Config) {
	if warning := appliance.SecretWarning(c); warning != "" {
		fmt.Fprintln(errs, "warning:", warning)
	}
}
