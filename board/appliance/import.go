package appliance

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"time"

	"network-sniffer/board"
	"network-sniffer/board/config"
	"network-sniffer/decode"
	"network-sniffer/uplink"
	"network-sniffer/uplink/spool"
)

// Import takes the packets of a savefile through the same recorder, spool and uplink as live ones. Its run is
// named by what the file holds: a file that is uploaded twice, or again after a failure, is stored once.
type Import struct {
	spool     *spool.Spool
	temporary string // directory to remove at the end; empty: the user named the spool
	sealer    *uplink.Sealer
	uploader  *uplink.Uploader
	progress  io.Writer

	recorders []*uplink.Recorder
	counts    []uplink.Counts
}

const (
	// importBatch fixes the segments' boundaries, and with them what makes a second upload the same.
	importBatch = 256 << 10
	// importSpool bounds what waits; a file can wait for the database, so it never loses a row.
	importSpool = 16 << 20
)

// NewImport opens a spool of its own and prepares the upload of the file at path ("-": standard input, which
// cannot be known again). Progress and warnings go to the writer.
func NewImport(c config.Config, b board.Board, version, path string, progress io.Writer) (_ *Import, err error) {
	log := slog.New(slog.NewTextHandler(progress, &slog.HandlerOptions{Level: slog.LevelWarn}))
	a := &Appliance{config: c, board: b, log: log, version: version}
	if err := a.identify(); err != nil {
		return nil, err
	}
	if path != "-" {
		if a.run, err = runOf(path, a.device, c.Filter); err != nil {
			return nil, err
		}
	}
	i := &Import{progress: progress}
	dir := c.SpoolDir
	if dir == config.DefaultSpoolDir {
		// The daemon's own spool is the daemon's.
		if dir, err = os.MkdirTemp("", "sniffer-read-"); err != nil {
			return nil, fmt.Errorf("appliance: make a spool: %w", err)
		}
		i.temporary = dir
	}
	if i.spool, err = spool.Open(spool.Disk{}, dir, importSpool); err != nil {
		return nil, errors.Join(err, i.removeTemporary())
	}
	a.spool, a.own = i.spool, newOwnTraffic(func() {}, log)
	if err := a.openUplink(); err != nil {
		return nil, errors.Join(err, i.spool.Close(), i.removeTemporary())
	}
	i.uploader = a.uploader
	i.sealer = uplink.NewSealer(uplink.SealerConfig{
		Spool: i.spool, Device: a.device, Run: a.run, Recorders: MaxInterfaces, BatchSize: importBatch, SegmentPerBatch: true,
	})
	return i, nil
}

// runOf derives a run's UUID (version 8, RFC 9562 §5.8) from device, filter and the bytes of the file.
func runOf(path string, device [16]byte, filter string) (id [16]byte, err error) {
	f, err := os.Open(path)
	if err != nil {
		return id, err
	}
	defer f.Close()
	h := sha256.New()
	fmt.Fprintf(h, "network-sniffer read %x %d %q\n", device, importBatch, filter)
	if _, err := io.Copy(h, f); err != nil {
		return id, fmt.Errorf("appliance: %w", err)
	}
	copy(id[:], h.Sum(nil))
	id[6], id[8] = id[6]&0x0f|0x80, id[8]&0x3f|0x80
	return id, nil
}

// AddInterface makes the recorder of the file's next interface.
func (i *Import) AddInterface(name, filter string, snapLength uint32) {
	i.recorders = append(i.recorders, i.sealer.NewRecorder(uint8(len(i.recorders)), name, filter, snapLength))
	i.counts = append(i.counts, uplink.Counts{})
}

// Record takes one packet, of an interface that was added. It uploads when enough waits.
func (i *Import) Record(ctx context.Context, p *decode.Packet) error {
	i.counts[p.Interface].Received++
	r := i.recorders[p.Interface]
	if !r.Record(p) {
		return nil
	}
	r.HandOverAndWait(i.counts[p.Interface], time.Now())
	if i.spool.Stats().Bytes < importSpool/2 {
		return nil
	}
	return i.upload(ctx)
}

func (i *Import) upload(ctx context.Context) error {
	return i.uploader.Drain(ctx, func(s uplink.State) {
		fmt.Fprintf(i.progress, "uploaded %d rows\n", s.Rows)
	})
}

// Close seals and uploads the rest and sums up. When the upload fails, what was not stored is lost unless the
// user named a spool; reading the file again stores the rest.
func (i *Import) Close(ctx context.Context) (string, error) {
	for n, r := range i.recorders {
		r.Finish(i.counts[n], time.Now())
	}
	err := i.sealer.Close()
	if err == nil {
		err = i.upload(ctx)
	}
	state, waiting := i.uploader.State(), i.spool.Stats().Segments
	summary := fmt.Sprintf("stored %d rows; %d segments were in the database already\n", state.Rows, state.Known)
	if waiting > 0 && i.temporary != "" {
		err = errors.Join(err, errors.New("not everything is stored: read the file again when the database answers; nothing will be stored twice"))
	}
	return summary, errors.Join(err, i.uploader.Close(), i.spool.Close(), i.removeTemporary())
}

func (i *Import) removeTemporary() error {
	if i.temporary == "" {
		return nil
	}
	return os.RemoveAll(i.temporary)
}
