package uplink

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math"
	"math/rand/v2"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/lib/pq"
	"github.com/lib/pq/pqerror"

	"network-sniffer/board/testbed"
	"network-sniffer/decode"
)

func TestParseFormat(t *testing.T) {
	for f := FormatAuto; f <= FormatText; f++ {
		if got, err := ParseFormat(f.String()); err != nil || got != f {
			t.Errorf("%v: %v, %v", f, got, err)
		}
	}
	for _, s := range []string{"", "Binary", "csv"} {
		if _, err := ParseFormat(s); err == nil || !strings.Contains(err.Error(), "binary") {
			t.Errorf("%q: %v", s, err)
		}
	}
}

// exec runs statements as the owner of the rig's database.
func (r *rig) exec(t *testing.T, statements ...string) {
	t.Helper()
	for _, s := range statements {
		if _, err := r.db.Exec(s); err != nil {
			t.Fatalf("%s: %v", s, err)
		}
	}
}

// seal puts packets into a segment of their own.
func (r *rig) seal(t *testing.T, sequence uint64, packets []decode.Packet) {
	t.Helper()
	h := segmentOf(len(packets))
	h.Device, h.Sequence = r.device, sequence
	if err := r.spool.Seal(h, bodyOf(packets)); err != nil {
		t.Fatal(err)
	}
}

// TestFormatsAgree: packets with anything in any of their fields are the same rows in PostgreSQL on both ways.
func TestFormatsAgree(t *testing.T) {
	r := newRig(t)
	random := rand.New(rand.NewPCG(7, 8))
	var packets []decode.Packet
	for i := range 4000 {
		groups := randomGroups(random)
		if i%2 == 0 {
			groups &= commonFields
		}
		p := randomPacket(random, groups)
		if i%2 == 0 {
			p.DecodeError = 0
		}
		p.Interface = 0
		packets = append(packets, p)
	}
	// From 1677 to 2262, and around the beginnings of Unix's and PostgreSQL's times.
	for i, ns := range []int64{math.MinInt64, math.MaxInt64, 0, -1, -1000, -1001, 999, (y2k - 1) * 1000, y2k*1000 - 1, y2k * 1000} {
		packets[i].Time = ns
	}
	full, none := fullPacket(), decode.Packet{}
	full.Interface = 0
	packets = append(packets, full, none)
	for sequence, format := range []Format{FormatText, FormatBinary} {
		r.uploader.config.Format = format
		r.seal(t, uint64(sequence+1), packets)
		if err := r.drain(); err != nil {
			t.Fatalf("%v: %v", format, err)
		}
		if f := r.uploader.State().Format; f != format {
			t.Fatalf("the rows were sent as %v, not %v", f, format)
		}
		r.exec(t, "CREATE TABLE as_"+format.String()+" AS TABLE sniffer.packets", "TRUNCATE sniffer.packets")
	}
	for _, pair := range [][2]string{{"as_text", "as_binary"}, {"as_binary", "as_text"}} {
		if n := testbed.QueryInt(t, r.db, "SELECT count(*) FROM "+pair[0]); n != int64(len(packets)) {
			t.Errorf("%s has %d rows, want %d", pair[0], n, len(packets))
		}
		if n := testbed.QueryInt(t, r.db, "SELECT count(*) FROM (TABLE "+pair[0]+" EXCEPT ALL TABLE "+pair[1]+") AS d"); n != 0 {
			t.Errorf("%d rows of %s are not in %s", n, pair[0], pair[1])
		}
	}
	// The oracle sees differences: every column was filled in some row, and has more than one value.
	for _, c := range columnsOf(rareRow) {
		n := testbed.QueryInt(t, r.db, "SELECT count(DISTINCT "+c.name+") FROM as_binary")
		if n < 2 && c.name != "device_id" && c.name != "interface" {
			t.Errorf("%s has %d values", c.name, n)
		}
	}
}

// TestForeignType: a column of another type could take binary values for something else. Its rows go as text, and
// somebody who insists on binary ones is told which column it is.
func TestForeignType(t *testing.T) {
	r := newRig(t)
	if err := r.drain(); err != nil {
		t.Fatal(err)
	}
	r.exec(t, "DROP VIEW sniffer.packets_readable CASCADE", "CREATE DOMAIN segments_of AS int",
		"ALTER TABLE sniffer.packets ALTER COLUMN wire_segments TYPE segments_of, ALTER COLUMN ts_echo TYPE double precision")
	r.record(t, 1, 1000)
	r.uploader.config.Format = FormatBinary
	waiting := r.spool.Stats().Segments
	if err := r.drain(); !errors.Is(err, errNoBinary) || !strings.Contains(err.Error(), "wire_segments segments_of") ||
		!strings.Contains(err.Error(), "ts_echo double precision") {
		t.Errorf("binary alone: %v", err)
	}
	if n := r.spool.Stats().Segments; n != waiting || n == 0 {
		t.Errorf("%d of %d segments wait", n, waiting)
	}
	// What text meets is told as it is.
	r.uploader.config.Format = FormatAuto
	r.exec(t, "ALTER DOMAIN segments_of ADD CONSTRAINT none CHECK (VALUE IS NOT NULL)")
	if err := r.drain(); pq.As(err, pqerror.CheckViolation) == nil || errors.Is(err, errRefused) {
		t.Errorf("a refusal of text: %v", err)
	}
	r.exec(t, "ALTER DOMAIN segments_of DROP CONSTRAINT none")
	if err := r.drain(); err != nil {
		t.Fatal(err)
	}
	r.expect(t, 1000, 0)
	r.expectText(t, "double precision")
}

// expectText asks whether the last rows went as text, and whether the log tells once why.
func (r *rig) expectText(t *testing.T, why string) {
	t.Helper()
	if f := r.uploader.State().Format; f != FormatText {
		t.Errorf("the rows were sent as %v", f)
	}
	if log := r.log.String(); strings.Count(log, "rows are sent as text") != 1 || !strings.Contains(log, why) {
		t.Errorf("log:\n%s", log)
	}
}

// TestTypeChangedBetween: database/sql replaces a broken connection without a word. On the new one the types are asked for
// again: values of a type that is as long would be taken.
func TestTypeChangedBetween(t *testing.T) {
	r := newRig(t)
	ctx := context.Background()
	if _, err := r.uploader.step(ctx); err != nil { // connects
		t.Fatal(err)
	}
	r.record(t, 1, 1000)
	if _, err := r.uploader.step(ctx); err != nil {
		t.Fatal(err)
	}
	if f := r.uploader.State().Format; f != FormatBinary {
		t.Fatalf("the rows were sent as %v", f)
	}
	r.exec(t, "DROP VIEW sniffer.packets_readable CASCADE", "ALTER TABLE sniffer.packets ALTER COLUMN ts_echo TYPE double precision")
	r.proxy.Reset()
	clear(r.uploader.days) // the partition is what finds the connection broken, and goes on without
	r.record(t, 2, 1000)
	if _, err := r.uploader.step(ctx); err != nil {
		t.Fatalf("the connection was not replaced without a word: %v", err)
	}
	if err := r.drain(); err != nil {
		t.Fatal(err)
	}
	r.expect(t, 2000, 0)
	r.expectText(t, "double precision")
}

// TestTypeChangedMeanwhile: a column that changes while the connection is open is found by the server, which refuses
// the rows. They come as text, and in binary again when the refusal is over and the column as it was.
func TestTypeChangedMeanwhile(t *testing.T) {
	r := newRig(t)
	upload := func(run byte, packets int) {
		t.Helper()
		r.record(t, run, packets)
		for {
			if sent, err := r.uploader.step(context.Background()); err != nil {
				t.Fatal(err)
			} else if !sent {
				return
			}
		}
	}
	upload(1, 1000)
	if f := r.uploader.State().Format; f != FormatBinary {
		t.Fatalf("the rows were sent as %v", f)
	}
	r.exec(t, "DROP VIEW sniffer.packets_readable CASCADE", "ALTER TABLE sniffer.packets ALTER COLUMN wire_length TYPE bigint")
	upload(2, 1000)
	r.expectText(t, string(pqerror.ProtocolViolation))
	r.exec(t, "ALTER TABLE sniffer.packets ALTER COLUMN wire_length TYPE int")
	r.uploader.textUntil = time.Now()
	upload(3, 1000)
	if f := r.uploader.State().Format; f != FormatBinary {
		t.Errorf("after the refusal the rows were sent as %v", f)
	}
	r.expect(t, 3000, 0)
}

// refuseBinary joins a client to a server, but answers COPY statements with binary rows, and CopyFail, by itself.
func refuseBinary(server net.Conn, answer string) net.Conn {
	client, middle := net.Pipe()
	go func() {
		defer server.Close()
		b := make([]byte, 1<<16)
		for {
			n, err := middle.Read(b)
			if err != nil {
				return
			}
			switch {
			case bytes.Contains(b[:n], []byte("(FORMAT binary)")):
				_, err = io.WriteString(middle, answer)
			case b[0] == 'f':
				_, err = io.WriteString(middle, noTable+failed)
			default:
				_, err = server.Write(b[:n])
			}
			if err != nil {
				return
			}
		}
	}()
	go func() {
		defer middle.Close()
		_, _ = io.Copy(middle, server)
	}()
	return client
}

// TestRefusedBetween: what stands between device and server may know nothing of binary rows, or answer with nonsense.
func TestRefusedBetween(t *testing.T) {
	for _, row := range []struct{ name, answer, why string }{
		{"not supported", message('E', "SERROR\x00C0A000\x00Mno binary here\x00\x00") + failed, "no binary here"},
		{"another protocol", "HTTP/1.1 400 Bad Request\r\n\r\n", errProtocol.Error()},
		{"text", message('G', "\x00\x00\x00"), "format 0"},
	} {
		t.Run(row.name, func(t *testing.T) {
			r := newRig(t)
			r.between(t, func(server net.Conn) net.Conn { return refuseBinary(server, row.answer) })
			r.record(t, 1, 1000)
			if err := r.drain(); err != nil {
				t.Fatal(err)
			}
			r.expect(t, 1000, 0)
			r.expectText(t, row.why)
		})
	}
}

// between puts something between the rig's proxy and the server.
func (r *rig) between(t *testing.T, wrap func(net.Conn) net.Conn) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	pg := testbed.SharedPostgres(t)
	proxy := testbed.NewProxy(t, listener, func() (net.Conn, error) {
		c, err := pg.Dial()
		if err != nil {
			return nil, err
		}
		return wrap(c), nil
	})
	r.target(t, func(dsn string) string {
		return strings.Replace(dsn, r.proxy.Addr().String(), proxy.Addr().String(), 1)
	})
}

// TestNoRefusal: an error that text would meet too is the error, and changes no format.
func TestNoRefusal(t *testing.T) {
	r := newRig(t)
	if err := r.drain(); err != nil {
		t.Fatal(err)
	}
	r.exec(t, "ALTER TABLE sniffer.packets ADD CONSTRAINT small CHECK (wire_length < 1)")
	r.record(t, 1, 1000)
	if err := r.drain(); pq.As(err, pqerror.CheckViolation) == nil || errors.Is(err, errRefused) {
		t.Errorf("%v", err)
	}
	r.exec(t, "ALTER TABLE sniffer.packets DROP CONSTRAINT small")
	if err := r.drain(); err != nil {
		t.Fatal(err)
	}
	r.expect(t, 1000, 0)
	if f := r.uploader.State().Format; f != FormatBinary {
		t.Errorf("the rows were sent as %v", f)
	}
}

// TestAbortInCopy: ending the context ends a COPY whose server has fallen silent, without waiting for a deadline.
func TestAbortInCopy(t *testing.T) { overFormats(t, testAbortInCopy) }

func testAbortInCopy(t *testing.T, r *rig) {
	if err := r.drain(); err != nil {
		t.Fatal(err)
	}
	r.uploader.dialer.timeout = 10 * patience
	r.record(t, 1, 5000)
	struck := r.proxy.FreezeAfter(200_000)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	done := make(chan struct{})
	go func() {
		r.uploader.Run(ctx, nil)
		close(done)
	}()
	testbed.Await(t, struck, patience, "the silence")
	cancel()
	testbed.Await(t, done, patience, "the end of Run")
}

// TestAbandonedCopy: a segment that turns out to be broken while its transaction's rows are on their way ends the
// COPY and the transaction, not the connection.
func TestAbandonedCopy(t *testing.T) { overFormats(t, testAbandonedCopy) }

func testAbandonedCopy(t *testing.T, r *rig) {
	if err := r.drain(); err != nil { // the schema is made on a connection of its own
		t.Fatal(err)
	}
	before := r.proxy.Stats().Accepted
	r.seal(t, 1, repeat(plainTCP()[0], 2*copyChunk/200)) // more than a message
	broken := segmentOf(5)
	broken.Device, broken.Sequence = r.device, 2
	if err := r.spool.Seal(broken, bodyOf(plainTCP()[:4])); err != nil {
		t.Fatal(err)
	}
	r.seal(t, 3, repeat(plainTCP()[1], 10))
	if err := r.drain(); err != nil {
		t.Fatal(err)
	}
	r.expect(t, 2*copyChunk/200+10, 5)
	if n := r.proxy.Stats().Accepted - before; n != 1 {
		t.Errorf("%d connections were opened, want 1", n)
	}
}
