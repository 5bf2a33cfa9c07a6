package appliance

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"network-sniffer/board"
	"network-sniffer/board/config"
	"network-sniffer/uplink"
	"network-sniffer/uplink/schema"
)

// Finding is one thing that Check looked at.
type Finding struct {
	Subject string `json:"subject"`
	OK      bool   `json:"ok"`
	Text    string `json:"text"`
	// Details are the same for programs, where there is more than a sentence to tell.
	Details any `json:"details,omitempty"`
}

// findings collects them.
type findings []Finding

// note adds a finding; the error, when there is one, is its text.
func (all *findings) note(subject string, err error, text string, details any) {
	if err != nil {
		text = err.Error()
	}
	*all = append(*all, Finding{subject, err == nil, text, details})
}

// Check tells whether Run would work here with this configuration, and what it would record. It opens and
// closes sockets and a database connection, and changes nothing.
func Check(c config.Config, b board.Board) []Finding {
	var all findings
	id, from, err := b.Identity()
	if c.DeviceID != "" {
		from = "--device-id"
		id, err = board.ParseUUID(c.DeviceID)
	}
	name := c.DeviceName
	if name == "" {
		name = b.Hostname()
	}
	all.note("device", err, fmt.Sprintf("%s, %s from %s", name, uplink.FormatUUID(id), from), nil)
	all.checkKernel(b)
	if len(c.Interfaces) == 0 {
		if name, err := b.DefaultInterface(); err != nil {
			all.note("interface", err, "", nil)
		} else {
			c.Interfaces = []string{name}
		}
	}
	budget := b.Budget()
	p, err := planOf(c, budget)
	if err != nil {
		all.note("options", err, "", nil)
	} else {
		for _, name := range c.Interfaces {
			all.checkInterface(name, c, p)
		}
		all.checkMemory(c, b, p)
	}
	clock := uplink.ReadClock()
	all.note("time", nil, "the machine's clock is "+clockState(clock), TimeDetails{clock.State.String()})
	all.checkConsole(c, b)
	all.checkPush(c)
	all.note("spool", writable(c.SpoolDir, config.SpoolDir), c.SpoolDir, nil)
	all.checkOverflow(c)
	if c.DatabaseURL == "" {
		all.note("database", nil, "none: rows stay in the spool", nil)
	} else {
		text, err := checkDatabase(c.DatabaseURL)
		all.note("database", err, text, nil)
		all.checkRate(c, b)
	}
	return all
}

// TimeDetails are what `check --json` tells of the machine's clock: unset, free or synced.
type TimeDetails struct {
	State string `json:"clock_state,omitempty"`
}

// RateDetails are what `check --json` tells of what the upload may take of the line.
type RateDetails struct {
	BytesPerSecond int64  `json:"bytes_per_second"` // 0: unlimited
	Why            string `json:"why"`
}

func (all *findings) checkOverflow(c config.Config) {
	overflow, err := overflowOf(c)
	if err == nil && overflow.Dir == "" {
		return
	}
	if err == nil {
		// It is not made when it is missing: below the mount point of a stick that is away lies the router's own flash.
		if _, err = os.Stat(overflow.Dir); err == nil {
			err = writable(overflow.Dir, config.SpoolOverflowDir)
		} else {
			err = fmt.Errorf("%w (mount the medium and make the directory, or name another one with --%s)",
				err, config.SpoolOverflowDir.Name)
		}
	}
	all.note("overflow", err, fmt.Sprintf("%s: at most %d KiB, after %s without the database",
		overflow.Dir, overflow.Limit>>10, overflow.After), nil)
}

func (all *findings) checkPush(c config.Config) {
	if c.ConsolePush {
		all.note("push", nil, pushNote, nil)
	}
}

func (all *findings) checkRate(c config.Config, b board.Board) {
	target, err := uplink.ParseTarget(c.DatabaseURL)
	if err != nil {
		return // the finding about the database says so
	}
	r := rateOf(c, b, target.OnLink)
	all.note("rate", nil, r.String(), RateDetails{r.limit, r.why})
}

func (all *findings) checkMemory(c config.Config, b board.Board, p plan) {
	budget := b.Budget()
	size := budget.Spool
	if c.SpoolSize > 0 {
		size = c.SpoolSize
	}
	all.note("memory", nil, fmt.Sprintf("%d MiB; a ring takes %d KiB, a batch %d KiB, the spool at most %d KiB", b.Memory()>>20,
		p.socket.BlockSize*p.socket.Blocks>>10, budget.Batch>>10, size>>10), nil)
}

// writable tries what the spool will do, in the directory or, where it is still to be made, in the one above.
func writable(dir string, o config.Option) error {
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
		return fmt.Errorf("%w (name another directory with --%s)", err, o.Name)
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
