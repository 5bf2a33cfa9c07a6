package main

import (
	"context"
	"database/sql"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"time"

	"network-sniffer/board/config"
	"network-sniffer/uplink"
	"network-sniffer/uplink/schema"
)

// schemaAnswer is how long the database may take for one statement: retention counts a day's rows in one.
const schemaAnswer = time.Hour

// schemaOptions are the options of all actions; each is of some of them alone.
type schemaOptions struct {
	from, keepDays int
	dryRun, asJSON bool
}

// schemaActions name the actions with the options that each takes.
var schemaActions = map[string][]string{
	"print": {"from"}, "apply": nil, "check": {"json"}, "retention": {"keep-days", "dry-run", "json"},
}

func schemaCommand(args []string, out, errs io.Writer) error {
	var o schemaOptions
	flags, c, err := parse("schema", args, out, errs, func(f *flag.FlagSet) {
		f.IntVar(&o.from, "from", 0, "print what brings a database of this `VERSION` up; 0 is an empty one")
		f.IntVar(&o.keepDays, "keep-days", 0, "retention deletes the packets of days before the last `N` whole ones, in UTC")
		f.BoolVar(&o.dryRun, "dry-run", false, "retention only tells what it would delete")
		f.BoolVar(&o.asJSON, "json", false, "check and retention: one JSON object a line")
	}, config.DatabaseURL)
	if err != nil {
		return err
	}
	if err := arguments(flags, 1, 1); err != nil {
		return fmt.Errorf("%w; one of print, apply, check and retention", err)
	}
	action := flags.Arg(0)
	if err := schemaUsage(action, o); err != nil {
		return err
	}
	if action == "print" {
		return schema.Print(out, o.from)
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
	db, abort, err := uplink.OpenDatabaseFor(target, schemaAnswer)
	if err != nil {
		return err
	}
	defer db.Close()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	defer context.AfterFunc(ctx, abort)()
	switch action {
	case "apply":
		return schemaApply(ctx, db, target.Name, out)
	case "check":
		return schemaCheck(ctx, db, target.Name, o.asJSON, out)
	}
	return schemaRetention(ctx, db, o, out)
}

// schemaUsage refuses unknown actions, and options that the action does not take: --keep-days of apply would delete nothing.
func schemaUsage(action string, o schemaOptions) error {
	takes, known := schemaActions[action]
	if !known {
		return fmt.Errorf("%w: %q is none of print, apply, check and retention", config.ErrUsage, action)
	}
	for option, given := range map[string]bool{"from": o.from != 0, "keep-days": o.keepDays != 0, "dry-run": o.dryRun, "json": o.asJSON} {
		if given && !strings.Contains(" "+strings.Join(takes, " ")+" ", " "+option+" ") {
			return fmt.Errorf("%w: --%s is no option of %s", config.ErrUsage, option, action)
		}
	}
	switch {
	case action == "print" && (o.from < 0 || o.from > schema.Version):
		return fmt.Errorf("%w: --from %d: the versions are 0 (an empty database) to %d", config.ErrUsage, o.from, schema.Version)
	case action == "retention" && (o.keepDays < 1 || o.keepDays > schema.MaxKeepDays):
		return fmt.Errorf("%w: how many days are to be kept? --keep-days 1 to %d", config.ErrUsage, schema.MaxKeepDays)
	}
	return nil
}

func schemaApply(ctx context.Context, db *sql.DB, name string, out io.Writer) error {
	from, to, err := schema.Apply(ctx, db)
	if err != nil {
		return err
	}
	if from == to {
		fmt.Fprintf(out, "%s has schema sniffer in version %d; nothing to do\n", name, to)
	} else {
		fmt.Fprintf(out, "%s: schema sniffer brought from version %d to %d\n", name, from, to)
	}
	advice, err := schema.Advise(ctx, db)
	if err != nil {
		return err
	}
	for _, role := range advice.Roles {
		fmt.Fprintln(out, missingRole(role))
	}
	return nil
}

func missingRole(role string) string {
	return fmt.Sprintf("note: there is no role %s; to have it, an administrator runs CREATE ROLE %[1]s NOLOGIN, then: sniffer schema apply", role)
}

// checkLine is the output of schema check --json.
type checkLine struct {
	Version      int      `json:"version"`
	Needs        int      `json:"needs"`
	Missing      []string `json:"missing,omitempty"`
	Roles        []string `json:"missing_roles,omitempty"`
	Grants       []string `json:"missing_grants,omitempty"`
	Excess       []string `json:"excess_grants,omitempty"`
	Days         []string `json:"missing_days,omitempty"`
	DefaultBytes int64    `json:"default_bytes"`
	Error        string   `json:"error,omitempty"`
}

// schemaCheck fails when rows cannot be stored; what a person may want to mend besides is a note.
func schemaCheck(ctx context.Context, db *sql.DB, name string, asJSON bool, out io.Writer) error {
	status, err := schema.Check(ctx, db)
	if err == nil && len(status.Missing) > 0 {
		err = fmt.Errorf("%w: version %d lacks %s; drop the schema, or restore it from a backup", schema.ErrMissing,
			status.Version, strings.Join(status.Missing, ", "))
	}
	var advice schema.Advice
	if err == nil {
		advice, err = schema.Advise(ctx, db)
	}
	if asJSON {
		line := checkLine{
			Version: status.Version, Needs: schema.Version, Missing: status.Missing, Roles: advice.Roles, Grants: advice.Grants,
			Excess: advice.Excess, Days: advice.Days, DefaultBytes: advice.DefaultBytes,
		}
		if err != nil {
			line.Error = err.Error()
		}
		if encodeErr := json.NewEncoder(out).Encode(line); encodeErr != nil {
			return encodeErr
		}
		if err != nil {
			return errSilent
		}
		return nil
	}
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "%s has schema sniffer in version %d; this program needs %d\n", name, status.Version, schema.Version)
	if status.Version > schema.Version {
		fmt.Fprintln(out, "note: the database is newer than this program, which stores what it knows of")
	}
	for _, role := range advice.Roles {
		fmt.Fprintln(out, missingRole(role))
	}
	for _, grant := range advice.Grants {
		fmt.Fprintf(out, "note: a right is missing: GRANT %s; sniffer schema apply gives it\n", grant)
	}
	for _, excess := range advice.Excess {
		fmt.Fprintf(out, "note: more than a device needs, unless it is one of before version 4: REVOKE %s\n", excess)
	}
	for _, day := range advice.Days {
		fmt.Fprintf(out, "note: %s has no partition yet; the next daemon that connects makes it\n", day)
	}
	if advice.DefaultBytes > 0 {
		fmt.Fprintf(out, "note: sniffer.packets_default has %d bytes of rows whose days have no partition\n", advice.DefaultBytes)
	}
	return nil
}

// expiredLine is one day in the output of schema retention --json.
type expiredLine struct {
	Day     string `json:"day"`
	Rows    int64  `json:"rows"`
	Dropped bool   `json:"dropped"`
	DryRun  bool   `json:"dry_run,omitempty"`
	Error   string `json:"error,omitempty"`
}

func schemaRetention(ctx context.Context, db *sql.DB, o schemaOptions, out io.Writer) error {
	var days int
	var rows int64
	enc := json.NewEncoder(out)
	var writing error
	err := schema.Retain(ctx, db, o.keepDays, o.dryRun, func(e schema.Expired) {
		if e.Err == nil || e.Rows > 0 {
			days++
			rows += e.Rows
		}
		switch {
		case o.asJSON:
			line := expiredLine{Day: e.Day, Rows: e.Rows, Dropped: e.Dropped, DryRun: o.dryRun}
			if e.Err != nil {
				line.Error = e.Err.Error()
			}
			if err := enc.Encode(line); err != nil {
				writing = err
			}
		case e.Err != nil && e.Rows > 0:
			fmt.Fprintf(out, "%s  %d rows deleted, the empty partition stays\n", e.Day, e.Rows)
		case e.Err != nil:
			fmt.Fprintf(out, "%s  stays as it was\n", e.Day)
		case o.dryRun:
			fmt.Fprintf(out, "%s  %d rows would be deleted\n", e.Day, e.Rows)
		case e.Dropped:
			fmt.Fprintf(out, "%s  %d rows deleted, partition dropped\n", e.Day, e.Rows)
		default:
			fmt.Fprintf(out, "%s  %d rows deleted\n", e.Day, e.Rows)
		}
	})
	if err != nil {
		return err
	}
	if !o.asJSON && o.dryRun {
		fmt.Fprintf(out, "%d rows of %d days would be deleted\n", rows, days)
	} else if !o.asJSON {
		fmt.Fprintf(out, "%d rows of %d days deleted; sniffer.expired has their numbers\n", rows, days)
	}
	return writing
}
