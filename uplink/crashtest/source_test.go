package crashtest

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"time"

	"network-sniffer/decode"
	"network-sniffer/uplink"
	"network-sniffer/uplink/spool"
)

var device = [16]byte{0x5a, 0xfe}

const (
	// rowsPerSegment is how many packets a source puts into one segment.
	rowsPerSegment = 24
	// batches is how many segments may wait for the disk, and ahead how many a source lets wait: a packet that finds no
	// batch would be a gap in the numbers.
	batches = 64
	ahead   = batches / 2
	// backlog is how many segments a source lets wait for the database, unless they are to be bundled.
	backlog = 1000
)

// runID is the id of a run by its number, which every packet of the run has as ack_number.
func runID(number uint32) (id [16]byte) {
	binary.BigEndian.PutUint32(id[:], number)
	return id
}

// source records packets whose seq_number counts them from 1 within the run.
type source struct {
	spool    *spool.Spool
	sealer   *uplink.Sealer
	recorder *uplink.Recorder
	run      uint32
	backlog  int        // segments
	noise    *rand.Rand // of addresses, so that packing gains little; nil: they are always the same
	counts   uplink.Counts
	marks    int
}

func newSource(sp *spool.Spool, run uint32, onError func(error)) *source {
	return newSourceByClock(sp, run, onError, nil)
}

func newSourceByClock(sp *spool.Spool, run uint32, onError func(error), clock func() spool.Clock) *source {
	s := &source{spool: sp, run: run, backlog: backlog}
	s.sealer = uplink.NewSealer(uplink.SealerConfig{Spool: sp, Device: device, Run: runID(run), Recorders: 1,
		Batches: batches, BatchSize: 16 << 10, Share: 1, OnError: onError, Clock: clock})
	s.recorder = s.sealer.NewRecorder(uplink.RecorderConfig{Name: "eth0", SnapLength: 128, Mode: "file"})
	return s
}

// recorded is how many packets there were so far.
func (s *source) recorded() uint64 { return s.counts.Received }

// unsettled is how many packets wait for the disk.
func (s *source) unsettled() uint64 {
	settled := uint64(0)
	for _, c := range s.sealer.Books() {
		settled += c.Received
	}
	return s.recorded() - settled
}

// segment records the packets of one segment, unless too many wait for the disk or the database, or the spool would have
// to drop some: it says which.
func (s *source) segment(now time.Time) bool {
	stats := s.spool.Stats()
	if s.unsettled() > ahead*rowsPerSegment || stats.Segments > s.backlog || stats.Bytes > stats.Limit*3/4 {
		return false
	}
	s.capture(now)
	return true
}

// mark leaves the next mark, and returns its number, from 1, when it is stored.
func (s *source) mark() (number int, err error) {
	if err := s.sealer.Mark(fmt.Sprintf("run %d", s.run), fmt.Sprint(s.marks+1)); err != nil {
		return 0, err
	}
	s.marks++
	return s.marks, nil
}

// capture records the packets of one segment, and waits for nothing.
func (s *source) capture(now time.Time) {
	for range rowsPerSegment {
		s.counts.Received++
		p := numbered(s.run, uint32(s.counts.Received), now)
		if s.noise != nil {
			p.IPVersion = 6
			for i := range p.SrcIP {
				p.SrcIP[i], p.DstIP[i] = byte(s.noise.Uint32()), byte(s.noise.Uint32())
			}
		}
		s.recorder.Record(&p)
	}
	s.recorder.HandOver(s.counts, now)
}

// end seals the rest of the run.
func (s *source) end(now time.Time) error {
	s.recorder.Finish(s.counts, now)
	return s.sealer.Close()
}

// numbered is a TCP packet, and each seventh one of a tunnel: rare columns take another way to the server.
func numbered(run, number uint32, now time.Time) decode.Packet {
	p := decode.Packet{Head: decode.Head{
		Time: now.UnixNano(), WireLength: 60, CapturedLength: 60,
		Valid:     decode.HasAddresses | decode.HasIP | decode.HasProtocol | decode.HasPorts | decode.HasTCP,
		SeqNumber: number, AckNumber: run, IPVersion: 4, Protocol: 6, TTL: 64,
		SrcIP: [16]byte{192, 0, 2, 1}, DstIP: [16]byte{192, 0, 2, 2}, SrcPort: 40000, DstPort: 443, Flags: 0x10,
	}}
	if number%7 == 0 {
		p.Valid |= decode.HasTunnelKey | decode.HasTunnel
		p.Tunnel, p.TunnelKey = 1, number
	}
	return p
}
