package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"

	"network-sniffer/board/config"
	"network-sniffer/uplink"
	"network-sniffer/uplink/schema"
)

func schemaCommand(args []string, out, errs io.Writer) error {
	flags, c, err := parse("schema", args, out, errs, nil, config.DatabaseURL)
	if err != nil {
		return err
	}
	if err := arguments(flags, 1, 1); err != nil {
		return fmt.Errorf("%w; one of print, apply and check", err)
	}
	action := flags.Arg(0)
	if action == "print" {
		return schema.Print(out)
	}
	if action != "apply" && action != "check" {
		return fmt.Errorf("%w: %q is none of print, apply and check", config.ErrUsage, action)
	}
	if c.DatabaseURL == "" {
		return fmt.Errorf("%w: which database? name it with --database-url or %s", config.ErrUsage, config.DatabaseURL.Environment())
	}
	target, err := uplink.ParseTarget(c.DatabaseURL)
	if err != nil {
		return err
	}
	warnOfSecret(errs, c)
	if target.Warning != "" {
		fmt.Fprintln(errs, "warning:", target.Warning)
	}
	db, abort, err := uplink.OpenDatabase(target)
	if err != nil {
		return err
	}
	defer db.Close()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	defer context.AfterFunc(ctx, abort)()
	if action == "apply" {
		from, to, err := schema.Apply(ctx, db)
		if err != nil {
			return err
		}
		if from == to {
			fmt.Fprintf(out, "%s has schema sniffer in version %d; nothing to do\n", target.Name, to)
			return nil
		}
		fmt.Fprintf(out, "%s: schema sniffer brought from version %d to %d\n", target.Name, from, to)
		return nil
	}
	status, err := schema.Check(ctx, db)
	if err != nil {
		return err
	}
	if len(status.Missing) > 0 {
		return fmt.Errorf("%w: version %d lacks %s; drop the schema, or restore it from a backup", schema.ErrMissing,
			status.Version, strings.Join(status.Missing, ", "))
	}
	fmt.Fprintf(out, "%s has schema sniffer in version %d; this program needs %d\n", target.Name, status.Version, schema.Version)
	return nil
}
