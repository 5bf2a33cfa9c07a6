package uplinkbench

import (
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"network-sniffer/uplink"
	"network-sniffer/uplink/spool"
)

// spoolLimit has room for the backlog of the drain, at 80 bytes a row and more.
const spoolLimit = 512 << 20

// ahead is how many segments the recorder may be ahead of the upload: two transactions of 16. Packets come as fast as
// they can be recorded, and a real recorder would fill its spool with them; a real network is slower.
const ahead = 32

// whole takes packet values through recorder, sealer, spool and uploader, all at work at the same time.
func whole(j *job, format uplink.Format) error {
	sp, err := openSpool(j)
	if err != nil {
		return err
	}
	defer sp.Close()
	up, err := newUploader(j, sp, format)
	if err != nil {
		return err
	}
	defer up.Close()
	finish, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		up.Run(context.Background(), finish)
	}()
	if err := record(sp, j, ahead); err != nil {
		return err
	}
	close(finish)
	<-done
	return uploaded(j, up)
}

// backlog leaves segments in the spool.
func backlog(j *job) error {
	sp, err := openSpool(j)
	if err != nil {
		return err
	}
	defer sp.Close()
	return record(sp, j, j.Rows)
}

// drain uploads what backlog left.
func drain(j *job, format uplink.Format) error {
	sp, err := openSpool(j)
	if err != nil {
		return err
	}
	defer sp.Close()
	up, err := newUploader(j, sp, format)
	if err != nil {
		return err
	}
	defer up.Close()
	if err := up.Drain(context.Background(), func(uplink.State) { j.look() }); err != nil {
		return err
	}
	return uploaded(j, up)
}

func openSpool(j *job) (*spool.Spool, error) {
	return spool.Open(spool.Disk{}, filepath.Join(j.Dir, "spool"), spoolLimit)
}

func newUploader(j *job, sp *spool.Spool, format uplink.Format) (*uplink.Uploader, error) {
	target, err := uplink.ParseTarget(j.URL)
	if err != nil {
		return nil, err
	}
	return uplink.NewUploader(uplink.UploaderConfig{
		Spool: sp, Target: target, Device: device, DeviceName: "uplinkbench", Version: "bench", Format: format,
		Log: slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn})),
	})
}

// in is a client's function with the format chosen.
func in(format uplink.Format, run func(*job, uplink.Format) error) func(*job) error {
	return func(j *job) error { return run(j, format) }
}

// uploaded checks that all rows were sent. What they are is checked in the database.
func uploaded(j *job, up *uplink.Uploader) error {
	if s := up.State(); s.Rows != uint64(j.Rows) {
		return fmt.Errorf("%d of %d rows were uploaded: %s", s.Rows, j.Rows, s.LastError)
	}
	return nil
}

// record takes the job's packets from a recorder into the spool, and waits whenever more than so many segments are
// there. No packet is lost, because each batch is sealed before the next one is full.
func record(sp *spool.Spool, j *job, most int) error {
	var run [16]byte
	if _, err := rand.Read(run[:]); err != nil {
		return err
	}
	s := uplink.NewSealer(uplink.SealerConfig{Spool: sp, Device: device, Run: run, Recorders: 1})
	r := s.NewRecorder(uplink.RecorderConfig{Name: iface, SnapLength: snapLength})
	t := j.traffic()
	c := uplink.Counts{}
	handed := sp.Stats().Sealed
	for range j.Rows {
		c.Received++
		if r.Record(t.next()) {
			r.HandOver(c, time.Now())
			handed++
			await(sp, handed, most)
		}
	}
	r.Finish(c, time.Now())
	if err := s.Close(); err != nil {
		return err
	}
	var rows uint64
	for _, b := range s.Books() {
		rows += b.Rows
	}
	if rows != uint64(j.Rows) {
		return fmt.Errorf("%d of %d rows came into the spool", rows, j.Rows)
	}
	return nil
}

// await returns when so many segments were sealed, and no more than so many are waiting. It asks again after a time in
// which much more than asking costs is done.
func await(sp *spool.Spool, sealed uint64, most int) {
	for s := sp.Stats(); s.Sealed < sealed; s = sp.Stats() {
		time.Sleep(200 * time.Microsecond)
	}
	for sp.Stats().Segments > most {
		time.Sleep(5 * time.Millisecond)
	}
}
