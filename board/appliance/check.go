package appliance

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/net/bpf"

	"network-sniffer/board"
	"network-sniffer/board/config"
	"network-sniffer/rawsock"
	"network-sniffer/uplink"
	"network-sniffer/uplink/schema"
)

// Finding is one thing that Check looked at.
type Finding struct {
	Subject string `json:"subject"`
	OK      bool   `json:"ok"`
	Text    string `json:"text"`
}

// Check tells whether Run would work here with this configuration, and what it would record. It opens and
// closes a ring and a database connection, and changes nothing.
func Check(c config.Config, b board.Board) []Finding {
	var all []Finding
	note := func(subject string, err error, format string, args ...any) {
		text := fmt.Sprintf(format, args...)
		if err != nil {
			text = err.Error()
		}
		all = append(all, Finding{subject, err == nil, text})
	}
	id, from, err := b.Identity()
	if c.DeviceID != "" {
		from = "--device-id"
		id, err = board.ParseUUID(c.DeviceID)
	}
	name := c.DeviceName
	if name == "" {
		name = b.Hostname()
	}
	note("device", err, "%s, %s from %s", name, uplink.FormatUUID(id), from)
	budget := b.Budget()
	spoolSize := budget.Spool
	if c.SpoolSize > 0 {
		spoolSize = c.SpoolSize
	}
	note("memory", nil, "%d MiB; a ring takes %d KiB, a batch %d KiB, the spool at most %d KiB", b.Memory()>>20,
		budget.RingBlock*budget.Blocks>>10, budget.Batch>>10, spoolSize>>10)
	if len(c.Interfaces) == 0 {
		if name, err := b.DefaultInterface(); err != nil {
			note("interface", err, "")
		} else {
			c.Interfaces = []string{name}
		}
	}
	for _, name := range c.Interfaces {
		text, err := checkInterface(name, c, budget)
		note("interface", err, "%s", text)
	}
	note("spool", writable(c.SpoolDir), "%s", c.SpoolDir)
	if c.DatabaseURL == "" {
		note("database", nil, "none: rows stay in the spool")
	} else {
		text, err := checkDatabase(c.DatabaseURL)
		note("database", err, "%s", text)
	}
	return all
}

func checkInterface(name string, c config.Config, budget board.Budget) (string, error) {
	link, err := rawsock.Lookup(name)
	if err != nil {
		return "", err
	}
	program, err := compile(c.Filter, link.Type)
	if err != nil {
		return "", err
	}
	raw, err := bpf.Assemble(program)
	if err != nil {
		return "", err
	}
	ring, err := rawsock.Open(rawsock.Config{Link: link, Filter: raw, BlockSize: budget.RingBlock, Blocks: ringBlocks(budget, len(c.Interfaces))})
	if err != nil {
		return "", err
	}
	size := ring.Size()
	if err := ring.Close(); err != nil {
		return "", err
	}
	state := "down: it will be recorded when it comes up"
	if link.Up {
		state = "up"
	}
	return fmt.Sprintf("%s is %s, link type %d, MTU %d; a ring of %d KiB and a filter of %d instructions are granted",
		name, state, link.Type, link.MTU, size>>10, len(raw)), nil
}

// writable tries what the spool will do, in the directory or, where it is still to be made, in the one above.
func writable(dir string) error {
	for {
		_, err := os.Stat(dir)
		if above := filepath.Dir(dir); errors.Is(err, fs.ErrNotExist) && above != dir {
			dir = above
			continue
		}
		break
	}
	f, err := os.CreateTemp(dir, "check-")
	if err != nil {
		return fmt.Errorf("%w (name another directory with --spool-dir)", err)
	}
	return errors.Join(f.Close(), os.Remove(f.Name()))
}

func checkDatabase(url string) (string, error) {
	target, err := uplink.ParseTarget(url)
	if err != nil {
		return "", err
	}
	db, abort, err := uplink.OpenDatabase(target)
	if err != nil {
		return "", err
	}
	defer db.Close()
	ctx, cancel := context.WithTimeout(context.Background(), FarewellTimeout)
	defer cancel()
	defer context.AfterFunc(ctx, abort)()
	status, err := schema.Check(ctx, db)
	if errors.Is(err, schema.ErrMissing) {
		return target.Name + " answers; it has no schema yet, run makes it", nil
	}
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%s answers; schema version %d", target.Name, status.Version), nil
}
