package appliance

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"

	"network-sniffer/board"
	"network-sniffer/board/config"
	"network-sniffer/decode"
	"network-sniffer/uplink"
	"network-sniffer/uplink/spool"
)

// Import takes the packets of a savefile through spool and uplink, like live ones. Its run is named by what the
// file holds: a file that is uploaded twice, or again after a failure, is stored once.
type Import struct {
	dir      string // of a spool of its own: the daemon's is the daemon's
	spool    *spool.Spool
	importer *uplink.Importer
	uploader *uplink.Uploader
	progress io.Writer
}

// Half of the spool is filled before an upload, the other half is never needed: a segment has at most
// ImportRows rows.
const importSpool = 16 << 20

// NewImport makes a spool in a temporary directory and prepares the upload of the file at path ("-": standard
// input). Progress and warnings go to the writer.
func NewImport(c config.Config, b board.Board, version, path string, progress io.Writer) (_ *Import, err error) {
	log := slog.New(slog.NewTextHandler(progress, &slog.HandlerOptions{Level: slog.LevelWarn}))
	a := &Appliance{config: c, board: b, log: log, version: version}
	if err := a.identify(); err != nil {
		return nil, err
	}
	// What is no regular file can be read only once, and cannot be known again.
	if info, err := os.Stat(path); path != "-" && err == nil && info.Mode().IsRegular() {
		if a.run, err = runOf(path, a.device, c.Filter); err != nil {
			return nil, err
		}
	}
	i := &Import{progress: progress}
	if i.dir, err = os.MkdirTemp("", "sniffer-read-"); err != nil {
		return nil, fmt.Errorf("appliance: make a spool: %w", err)
	}
	if i.spool, err = spool.Open(spool.Disk{}, i.dir, importSpool); err != nil {
		return nil, errors.Join(err, os.RemoveAll(i.dir))
	}
	a.spool, a.own = i.spool, newOwnTraffic(func() {}, log)
	if err := a.openUplink(); err != nil {
		return nil, errors.Join(err, i.spool.Close(), os.RemoveAll(i.dir))
	}
	i.uploader = a.uploader
	i.importer = uplink.NewImporter(i.spool, a.device, a.run)
	return i, nil
}

// runOf derives a run's UUID from device, filter and the bytes of the file.
func runOf(path string, device [16]byte, filter string) (id [16]byte, err error) {
	f, err := os.Open(path)
	if err != nil {
		return id, err
	}
	defer f.Close()
	h := sha256.New()
	fmt.Fprintf(h, "network-sniffer read %x %d %q\n", device, uplink.ImportRows, filter)
	if _, err := io.Copy(h, f); err != nil {
		return id, fmt.Errorf("appliance: %w", err)
	}
	return board.UUIDFromHash([32]byte(h.Sum(nil))), nil
}

// AddInterface describes the file's next interface.
func (i *Import) AddInterface(name, filter string, snapLength uint32) {
	i.importer.AddInterface(name, filter, snapLength)
}

// Record takes one packet, of an interface that was described. It uploads when enough waits.
func (i *Import) Record(ctx context.Context, p *decode.Packet) error {
	sealed, err := i.importer.Record(p)
	if err != nil || !sealed || i.spool.Stats().Bytes < importSpool/2 {
		return err
	}
	return i.upload(ctx)
}

func (i *Import) upload(ctx context.Context) error {
	return i.uploader.Drain(ctx, func(s uplink.State) {
		fmt.Fprintf(i.progress, "uploaded %d rows\n", s.Rows)
	})
}

// Close sums up. When the file was read to its end, it first seals and uploads the rest; otherwise what was not
// uploaded yet is given up, and reading the file again stores it.
func (i *Import) Close(ctx context.Context, complete bool) (string, error) {
	var err error
	if complete {
		if err = i.importer.Finish(); err == nil {
			err = i.upload(ctx)
		}
	}
	state := i.uploader.State()
	summary := fmt.Sprintf("stored %d of %d rows; %d segments were in the database already\n",
		state.Rows, i.importer.Rows(), state.Known)
	if !complete || err != nil {
		summary += "not everything is stored: read the file again; nothing will be stored twice\n"
	}
	i.uploader.Close()
	return summary, errors.Join(err, i.spool.Close(), os.RemoveAll(i.dir))
}
