package spool

import (
	"errors"
	"flag"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

var modelActions = flag.Int("actions", 0, "random actions of each TestModel; 0: few enough for every day; other tests try all cases with it, too")

// thin is one in how many of the many like cases a test tries in a run of every day; with -actions it tries all.
func thin() int {
	if *modelActions > 0 {
		return 1
	}
	return 3 * raced
}

// TestModel does random things to a small spool and keeps the obvious books beside it: a set of what was
// sealed, and a ledger. Corrupting touches bodies alone: what a header said is gone with it.
func TestModel(t *testing.T) {
	tests := []struct {
		name     string
		fs       FS
		actions  int
		limit    int64
		overflow bool
		faults   bool
	}{
		{"memory", newMemory(), 30_000, smallLimit, false, false},
		{"bundles", newMemory(), 20_000, 4 * smallLimit, false, false},
		{"both tiers", newMemory(), 20_000, 2 * smallLimit, true, false},
		{"both tiers with faults", newMemory(), 20_000, 2 * smallLimit, true, true},
		{"disk", Disk{}, 10_000, smallLimit, true, false},
	}
	for n, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			m := &model{t: t, rng: rand.New(rand.NewPCG(uint64(n), uint64(tt.actions))), faults: tt.faults}
			tt.actions /= raced
			if *modelActions > 0 {
				tt.actions = *modelActions
			}
			m.world = newWorld(t, &faulty{FS: tt.fs, before: m.before}, tt.limit)
			if tt.overflow {
				m.world.withOverflow(4 * tt.limit)
			}
			m.run(tt.actions)
		})
	}
}

// model is a world with somebody in it who does not know what he wants.
type model struct {
	*world
	t        *testing.T
	rng      *rand.Rand
	actions  int
	faults   bool
	pinned   []Ref
	lost     uint64 // of the ledger's entries that were weighed and forgotten
	unmarked uint64 // the marks that these had no room for

	failing string // the directory that has faults; empty: all is well
	fault   error
	asked   bool // somebody dropped segments: then flash is written to also while the uplink works
	up      bool

	dropped, broken, discarded, marks, unknown, full, faulted uint64
	bundles, flash, vanished                                  int
}

// errFault is no EIO: a medium that refuses for ever makes broken segments, and this one recovers.
var faultsOfModel = []error{syscall.ENOSPC, syscall.EROFS, syscall.EDQUOT}

func (m *model) before(op, path string) error {
	two := m.overflow.Dir != "" && strings.HasPrefix(path, m.overflow.Dir)
	if two && op == "create" {
		m.flash++
		if m.up && !m.asked {
			m.t.Fatalf("%s %s while the uplink works", op, path)
		}
	}
	if m.failing == "" || !strings.HasPrefix(path, m.failing) || errors.Is(m.fault, syscall.ENOENT) == (m.rng.IntN(3) == 0) {
		return nil
	}
	m.faulted++
	return m.fault
}

// allowed judges an error of a call: the fault that there is, or what belongs to the call.
func (m *model) allowed(n int, what string, err error, others ...error) {
	m.t.Helper()
	if err == nil || m.failing != "" {
		return
	}
	for _, other := range others {
		if errors.Is(err, other) {
			return
		}
	}
	m.t.Fatalf("action %d: %s: %v", n, what, err)
}

func (m *model) run(actions int) {
	m.actions = actions
	m.mustOpen()
	m.spool.Uplink(false)
	defer func() { m.close() }()
	for n := range actions {
		if d, ok := inner(m.fs).(*memory); ok {
			d.past = nil
		}
		m.act(n)
		if n%8 == 0 {
			m.world.unsure = m.faults
			m.bounded()
		}
		if n%1000 == 0 {
			m.balance()
			m.forgetOld()
		}
	}
	m.well()
	m.count()
	m.unpin()
	m.drain()
	m.balance()
	for _, h := range m.ledger {
		m.unmarked += h.LostMarks
	}
	m.judge()
}

// count adds up the counters of a spool that is about to be closed.
func (m *model) count() {
	st := m.spool.Stats()
	m.dropped += st.DroppedRows
	m.broken += st.BrokenRows
	m.discarded += st.Discarded
	m.marks += st.LostMarks
}

func (m *model) unpin() { m.spool.Unpin(m.pinned); m.pinned = nil }

func (m *model) act(n int) {
	switch p := m.rng.IntN(1000); {
	case p < 420:
		m.sealOne(n)
	case p < 430:
		if int(m.world.run) <= n*250/m.actions { // there are no more than 255
			m.newRun()
		}
	case p < 560:
		m.unpin()
		m.pinned = m.spool.Pin(m.rng.IntN(MaxPin+4), int64(m.rng.IntN(100_000)))
	case p < 650: // the commit's result stays unknown
		err := m.upload(m.pinned)
		if err == nil {
			m.unknown += uint64(len(m.pinned))
		}
		m.allowed(n, "upload", err, ErrBroken, ErrGone)
	case p < 730:
		err := m.upload(m.pinned)
		if err == nil {
			err = m.spool.Sent(m.pinned)
		}
		m.allowed(n, "send", err, ErrBroken, ErrGone)
		m.unpin()
	case p < 790:
		m.unpin()
	case p < 820:
		m.corrupt()
	case p < 835:
		m.reopen(n)
	case p < 930:
		m.spool.tend()
		m.bundles = max(m.bundles, m.spool.Stats().Bundles)
	case p < 950:
		m.clock = m.clock.Add(time.Duration(m.rng.IntN(1800)) * time.Second)
	case p < 970:
		m.up = m.rng.IntN(3) == 0
		m.spool.Uplink(m.up)
	case p < 975:
		m.asked = true
		m.spool.tending.Lock()
		_, err := m.spool.discard(1 + m.rng.IntN(40))
		m.spool.tending.Unlock()
		m.asked = false
		m.allowed(n, "discard", err)
	case p < 977:
		if !m.up {
			m.unpin()
			err := m.spool.Preserve()
			if m.spool.Stats().Overflow.Err == "" {
				m.allowed(n, "preserve", err, ErrDaily)
			}
		}
	case m.faults && p < 985:
		m.well()
		m.fault = faultsOfModel[m.rng.IntN(len(faultsOfModel))]
		m.failing = []string{m.dir, m.overflow.Dir}[m.rng.IntN(2)]
	case m.faults && p < 988: // the medium is pulled
		m.well()
		m.vanished++
		m.fault, m.failing = syscall.ENOENT, m.overflow.Dir
		if err := os.Rename(m.overflow.Dir, m.overflow.Dir+".away"); err != nil {
			m.t.Fatal(err)
		}
	case m.faults && p < 998:
		m.well()
	}
}

// well ends what fault there is.
func (m *model) well() {
	if errors.Is(m.fault, syscall.ENOENT) && m.failing != "" {
		if err := os.Rename(m.overflow.Dir+".away", m.overflow.Dir); err != nil {
			m.t.Fatal(err)
		}
	}
	m.failing = ""
	m.clock = m.clock.Add(2 * overflowPause)
	m.spool.tend()
}

func (m *model) sealOne(n int) {
	rows := m.rng.IntN(40)
	if m.rng.IntN(3) == 0 {
		rows = m.rng.IntN(2000)
	}
	old := m.spool.Stats()
	before := slices.Clone(m.spool.entries)
	err := m.seal(rows)
	now := m.spool.Stats()
	switch {
	case errors.Is(err, ErrFull):
		m.full++
		if now.DroppedRows != old.DroppedRows && old.Bundles == 0 && m.failing == "" {
			m.t.Fatalf("action %d: rows were dropped for a segment that was then refused", n)
		}
	case err != nil:
		m.allowed(n, "seal", err)
	case m.failing == "":
		oldestFirst(m.t, before, m.spool)
	}
}

func (m *model) reopen(n int) {
	m.count()
	m.pinned = nil
	m.close()
	was, fault := m.failing, m.fault
	if was == m.dir {
		m.failing = ""
	}
	m.mustOpen()
	m.failing, m.fault = was, fault
	m.spool.Uplink(m.up)
}

// corrupt changes a byte of a body, in a file of its own or in a bundle.
func (m *model) corrupt() {
	disk := inner(m.fs)
	if m.failing != "" {
		return
	}
	paths := segmentFiles(m.t, disk, m.dir)
	if m.overflow.Dir != "" {
		paths = append(paths, segmentFiles(m.t, disk, m.overflow.Dir)...)
	}
	if len(paths) == 0 {
		return
	}
	path := paths[m.rng.IntN(len(paths))]
	if strings.HasSuffix(path, bundleSuffix) {
		r, _, _, err := openBundle(disk, path)
		if err != nil {
			m.t.Fatal(err)
		}
		if len(r.dir.bodies) == 0 || m.rng.IntN(4) > 0 {
			return
		}
		k := r.dir.bodies[m.rng.IntN(len(r.dir.bodies))]
		alter(m.t, disk, path, func(b []byte) []byte {
			b[k.offset+int64(m.rng.IntN(int(k.packed)))] ^= byte(1 + m.rng.IntN(255))
			return b
		})
		return
	}
	alter(m.t, disk, path, func(b []byte) []byte {
		h, _, _ := parsePrefix(b)
		if body := b[prefixSize+h:]; len(body) > 0 {
			body[m.rng.IntN(len(body))] ^= byte(1 + m.rng.IntN(255))
		}
		return b
	})
}

// forgetOld: what the database has, and the spool has not, need not be weighed again.
func (m *model) forgetOld() {
	there := map[key]bool{}
	for _, i := range m.infos() {
		there[keyOf(&i.Header)] = true
	}
	for k, h := range m.ledger {
		if h.Run[0] == m.world.run && h.Last+200 > m.next || there[k] {
			continue
		}
		m.lost += lossOf(&h, LossFull)
		m.unmarked += h.LostMarks
		for s := h.Sequence; s <= h.Last; s++ {
			delete(m.sealed, key{h.Run[0], s})
		}
		delete(m.ledger, k)
	}
}

func (m *model) judge() {
	t := m.t
	if m.actions < 10_000 { // too few to meet everything
		return
	}
	if m.dropped == 0 || m.broken == 0 || m.unknown == 0 || m.lost == 0 || m.discarded == 0 || m.marks == 0 || m.bundles == 0 {
		t.Errorf("the actions did not try everything: %+v", m)
	}
	if m.overflow.Dir != "" && m.flash == 0 || m.faults && (m.faulted == 0 || m.vanished == 0) {
		t.Errorf("the actions did not try everything: %d files on flash, %d faults, vanished %d times", m.flash, m.faulted, m.vanished)
	}
	if lost := m.lost + m.world.lost(LossFull); lost > m.dropped {
		t.Errorf("the headers tell %d dropped rows, the counter %d", lost, m.dropped)
	}
	if m.unmarked > m.marks {
		t.Errorf("the headers tell %d lost marks, the counter %d", m.unmarked, m.marks)
	}
	t.Logf("dropped %d rows, broken %d, discarded %d; lost %d marks; commits unknown %d, refused %d; %d bundles at once, %d files on flash; %d faults, vanished %d times",
		m.dropped, m.broken, m.discarded, m.marks, m.unknown, m.full, m.bundles, m.flash, m.faulted, m.vanished)
}

func lossOf(h *Header, reason string) uint64 {
	var n uint64
	for _, c := range h.Coverage {
		for _, l := range c.Losses {
			if l.Reason == reason {
				n += l.Packets
			}
		}
	}
	return n
}

// oldestFirst: of the segments older than the newest that was dropped, only those kept their rows that are
// pinned, or that a tombstone would not make smaller.
func oldestFirst(t *testing.T, before []entry, s *Spool) {
	t.Helper()
	var newest uint64
	for _, e := range before {
		if now := s.find(e.ordinal); !inTierTwo(e.ordinal) && !e.tombstone && (now == nil || now.tombstone) {
			newest = e.ordinal
		}
	}
	for _, e := range s.entries {
		small := charge(e.size) <= blockSize
		if e.bundle != nil {
			small = e.kept || s.remains(&e) >= charge(e.size)
		}
		if e.ordinal < newest && !e.tombstone && !e.pinned && !small && !inTierTwo(e.ordinal) {
			t.Fatalf("segment %d was dropped, and the older %d keeps its rows", newest, e.ordinal)
		}
	}
}
