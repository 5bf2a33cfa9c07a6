package spool

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

const rowSize = 13

// smallLimit makes a spool of 24 blocks beside the reserve.
const smallLimit = reserveSize + 24*blockSize

// key names a segment for ever; the device is always the same here.
type key struct {
	run      byte
	sequence uint64
}

func keyOf(h *Header) key { return key{h.Run[0], h.Sequence} }

// marks are those that somebody left while a segment was filled: ten in one of three, none in the others.
func (k key) marks() (marks []Mark) {
	if k.sequence%3 == 0 {
		for n := range 10 {
			marks = append(marks, Mark{At: int64(k.sequence), By: "console", Text: fmt.Sprintf("%d/%d/%d", k.run, k.sequence, n)})
		}
	}
	return marks
}

// segment makes a header and a body whose rows say whose they are. Beside the rows it received two packets
// that the kernel dropped.
func segment(k key, rows int) (*Header, []byte) {
	h := &Header{
		Device: [16]byte{0xde}, Run: [16]byte{k.run}, Sequence: k.sequence, Last: k.sequence,
		Format: 1, Rows: uint64(rows), SealedAt: int64(k.sequence) + 3,
		Coverage: []Coverage{{
			Interface: "eth0", Index: 1, From: int64(k.sequence), To: int64(k.sequence) + 1,
			Received: uint64(rows) + 2, Rows: uint64(rows), Filter: "tcp", SnapLength: 128,
			Losses: []Loss{{"kernel_dropped", 2}},
		}},
		Marks: k.marks(),
	}
	if rows > 0 {
		h.FirstTime, h.LastTime = int64(k.sequence)+1, int64(k.sequence)+2
	}
	body := make([]byte, rows*rowSize)
	for i := range rows {
		b := body[i*rowSize:]
		b[0] = k.run
		binary.LittleEndian.PutUint64(b[1:], k.sequence)
		// A third of a row is noise: real records, too, can be packed to about half.
		binary.LittleEndian.PutUint32(b[9:], uint32((k.sequence<<32|uint64(i))*0x9e3779b97f4a7c15>>32))
	}
	return h, body
}

// world is a spool with what is around it: an uplink that seals, and a database with a ledger.
type world struct {
	t        testing.TB
	fs       FS
	dir      string
	limit    int64
	overflow Overflow // none, unless a test gives it a directory
	clock    time.Time
	unsure   bool // a fault may have left a segment in two files, under its own name
	spool    *Spool
	run      byte
	next     uint64
	sealed   map[key]uint64 // received
	maybe    map[key]uint64 // being sealed when the power went
	ledger   map[key]Header // what the database has
	buf      []byte
}

func newWorld(t testing.TB, fs FS, limit int64) *world {
	return &world{t: t, fs: fs, dir: tempDir(t), limit: limit, run: 1, next: 1,
		clock: time.Unix(1_800_000_000, 0), sealed: map[key]uint64{}, maybe: map[key]uint64{}, ledger: map[key]Header{}}
}

func (w *world) open() error {
	s, err := open(w.fs, w.dir, w.limit, w.overflow, func() time.Time { return w.clock })
	if err != nil {
		return err
	}
	w.spool = s
	return nil
}

// withOverflow gives the world a second tier of so many bytes.
func (w *world) withOverflow(limit int64) *world {
	w.overflow = Overflow{Dir: tempDir(w.t), Limit: limit, After: time.Minute}
	return w
}

// infos lists what is on disk, without faults.
func (w *world) infos() []Info {
	w.t.Helper()
	dirs := []string{w.dir}
	if w.overflow.Dir != "" {
		dirs = append(dirs, w.overflow.Dir)
	}
	infos, err := Inspect(inner(w.fs), dirs...)
	if err != nil {
		w.t.Fatal(err)
	}
	return infos
}

func (w *world) mustOpen() {
	w.t.Helper()
	if err := w.open(); err != nil {
		w.t.Fatalf("open: %v", err)
	}
}

func (w *world) close() {
	if w.spool != nil {
		w.spool.Close()
		w.spool = nil
	}
}

func (w *world) newRun() { w.run, w.next = w.run+1, 1 }

// seal takes the next sequence number only when it worked, as the uplink does.
func (w *world) seal(rows int) error {
	k := key{w.run, w.next}
	h, body := segment(k, rows)
	w.maybe[k] = uint64(rows) + 2
	half := len(body) / 2
	err := w.spool.Seal(h, body[:half], body[half:])
	delete(w.maybe, k)
	if err == nil {
		w.sealed[k] = uint64(rows) + 2
		w.next++
	}
	return err
}

func (w *world) mustSeal(rows int) {
	w.t.Helper()
	if err := w.seal(rows); err != nil {
		w.t.Fatalf("seal: %v", err)
	}
}

// commit gives a segment to the database, which refuses what it has already.
func (w *world) commit(h Header, body []byte) {
	w.t.Helper()
	if len(body) != int(h.Rows)*rowSize {
		w.t.Fatalf("segment %v: %d rows in %d bytes", keyOf(&h), h.Rows, len(body))
	}
	if _, want := segment(keyOf(&h), int(h.Rows)); !bytes.Equal(body, want) {
		w.t.Fatalf("segment %v has the rows of another", keyOf(&h))
	}
	if _, ok := w.ledger[keyOf(&h)]; !ok {
		w.ledger[keyOf(&h)] = h
	}
}

// upload commits what refs name; the caller says Sent, or does not learn that it may.
func (w *world) upload(refs []Ref) error {
	for _, r := range refs {
		h, body, buf, err := w.spool.Load(r, w.buf)
		w.buf = buf
		if err != nil {
			return err
		}
		w.commit(h, body)
	}
	return nil
}

// send uploads n of the oldest segments, one by one.
func (w *world) send(n int) error {
	refs := w.spool.Pin(n, 1<<40)
	defer w.spool.Unpin(refs)
	for _, r := range refs {
		err := w.upload([]Ref{r})
		if errors.Is(err, ErrBroken) || errors.Is(err, ErrGone) {
			continue
		}
		if err == nil {
			err = w.spool.Sent([]Ref{r})
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// drain sends everything. A broken segment takes a second look.
func (w *world) drain() {
	w.t.Helper()
	for range 2*w.spool.Stats().Segments + 2 {
		if err := w.send(MaxPin); err != nil {
			w.t.Fatalf("drain: %v", err)
		}
	}
	w.spool.tend() // the files of the second tier
	if n := w.spool.Stats().Segments; n != 0 {
		w.t.Fatalf("%d segments are left after draining", n)
	}
}

// balance checks the books: every sealed segment is in the ledger or, when it is not, in the spool, once, and
// what all of them received is what they have as rows and losses. The same holds for marks.
func (w *world) balance() {
	w.t.Helper()
	var headers []Header
	for _, h := range w.ledger {
		headers = append(headers, h)
	}
	twice := map[key]bool{}
	for _, i := range w.infos() {
		if i.Err != nil && !errors.Is(i.Err, errBody) {
			w.t.Fatalf("%s: %v", i.Path, i.Err)
		}
		if e, ok := w.spool.index(i.Ordinal); ok && w.spool.entries[e].absorbed {
			continue
		}
		if slices.ContainsFunc(w.spool.leftover, func(l leftover) bool { return l.path == i.Path }) {
			continue
		}
		k := keyOf(&i.Header)
		if w.unsure && twice[k] {
			continue
		}
		twice[k] = true
		if _, stored := w.ledger[k]; !stored {
			headers = append(headers, i.Header)
		}
	}
	if err := balanced(headers, w.sealed, w.maybe); err != nil {
		w.t.Fatal(err)
	}
}

func balanced(headers []Header, sealed, maybe map[key]uint64) error {
	slices.SortFunc(headers, func(a, b Header) int {
		return cmp.Or(cmp.Compare(a.Run[0], b.Run[0]), cmp.Compare(a.Sequence, b.Sequence))
	})
	var seen int
	for i := range headers {
		h := &headers[i]
		if i > 0 && headers[i-1].Run == h.Run && headers[i-1].Last >= h.Sequence {
			return fmt.Errorf("segments %d to %d of run %d and %d to %d are there both",
				headers[i-1].Sequence, headers[i-1].Last, h.Run[0], h.Sequence, h.Last)
		}
		var want, received, rows, lost uint64
		var marks []Mark
		for n := h.Sequence; n <= h.Last; n++ {
			k := key{h.Run[0], n}
			marks = append(marks, k.marks()...)
			if v, ok := sealed[k]; ok {
				want += v
				seen++
			} else if v, ok := maybe[k]; ok {
				want += v
			} else {
				return fmt.Errorf("segment %v was never sealed", k)
			}
		}
		for _, c := range h.Coverage {
			received += c.Received
			rows += c.Rows
			for _, l := range c.Losses {
				lost += l.Packets
			}
		}
		if received != want || rows+lost != want || rows != h.Rows {
			return fmt.Errorf("segments %d to %d of run %d: sealed with %d packets, now received %d = %d rows (header %d) + %d lost",
				h.Sequence, h.Last, h.Run[0], want, received, rows, h.Rows, lost)
		}
		if kept := min(len(marks), MaxMarks); !slices.Equal(h.Marks, marks[:kept]) || h.LostMarks != uint64(len(marks)-kept) {
			return fmt.Errorf("segments %d to %d of run %d: of %d marks %v are here, and %d are told as lost",
				h.Sequence, h.Last, h.Run[0], len(marks), h.Marks, h.LostMarks)
		}
	}
	if seen != len(sealed) {
		return fmt.Errorf("%d of %d sealed segments are missing", len(sealed)-seen, len(sealed))
	}
	return nil
}

// lost counts the rows given up for a reason, in the ledger and the spool.
func (w *world) lost(reason string) uint64 {
	w.t.Helper()
	var n uint64
	count := func(h *Header) {
		for _, c := range h.Coverage {
			for _, l := range c.Losses {
				if l.Reason == reason {
					n += l.Packets
				}
			}
		}
	}
	for _, h := range w.ledger {
		count(&h)
	}
	for _, i := range w.infos() {
		if _, stored := w.ledger[keyOf(&i.Header)]; !stored {
			count(&i.Header)
		}
	}
	return n
}

// bounded checks that the charge is that of the files, and within the limit.
func (w *world) bounded() {
	w.t.Helper()
	st := w.spool.Stats()
	if bytes := w.charged(w.dir); st.Bytes != bytes || st.Bytes > st.Limit-reserveSize {
		w.t.Fatalf("stats say %d bytes, limit %d; the files are %d bytes", st.Bytes, st.Limit, bytes)
	}
	if w.spool.over != nil && w.spool.over.held != nil {
		if o, bytes := st.Overflow, w.charged(w.overflow.Dir); o.Bytes != bytes || o.Bytes > o.Limit {
			w.t.Fatalf("stats say %+v; the files are %d bytes", o, bytes)
		}
	}
	segments, bundles := 0, 0
	for i := range w.spool.entries {
		if segments += w.spool.entries[i].segments(); w.spool.entries[i].bundle != nil {
			bundles++
		}
	}
	if st.Segments != segments || st.Bundles != bundles {
		w.t.Fatalf("stats say %d segments and %d bundles, there are %d and %d", st.Segments, st.Bundles, segments, bundles)
	}
}

// charged is what the files in a directory are charged for.
func (w *world) charged(dir string) int64 {
	names, err := inner(w.fs).List(dir)
	if err != nil {
		w.t.Fatal(err)
	}
	var bytes int64
	for _, name := range names {
		_, segment := ordinalOf(name, suffix)
		if _, bundle := ordinalOf(name, bundleSuffix); segment || bundle {
			_, size, err := inner(w.fs).ReadHead(filepath.Join(dir, name), 0)
			if err != nil {
				w.t.Fatal(err)
			}
			bytes += charge(size)
		}
	}
	return bytes
}
