package appliance

import (
	"bytes"
	"errors"
	"log/slog"
	"net/netip"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"network-sniffer/board/config"
	"network-sniffer/uplink"
	"network-sniffer/uplink/spool"
)

func TestMarkText(t *testing.T) {
	full := strings.Repeat("é", spool.MaxMarkText/2)
	for _, row := range []struct{ typed, want string }{
		{"new switch", "new switch"},
		{"  \tnew switch\r\n", "new switch"},
		{"ünïcödé ☎ 漢字", "ünïcödé ☎ 漢字"},
		{"a\x1b[31mred\x00\x7f\u202eend", "a [31mred   end"},
		{"not \xff\xfe UTF-8", "not \ufffd\ufffd UTF-8"},
		{full, full},
	} {
		if got, err := markText(row.typed); err != nil || got != row.want {
			t.Errorf("%q: %q, %v, want %q", row.typed, got, err, row.want)
		}
	}
	for _, typed := range []string{"", " ", "\x00\x1b", full + "x"} {
		if got, err := markText(typed); !errors.Is(err, errMarkText) || got != "" {
			t.Errorf("%q: %q, %v", typed, got, err)
		}
	}
}

// TestMark: a mark is in the spool when its author is told so, with his address, and the log has it.
func TestMark(t *testing.T) {
	sp, err := spool.Open(spool.Disk{}, t.TempDir(), spool.MinLimit)
	if err != nil {
		t.Fatal(err)
	}
	defer sp.Close()
	var log bytes.Buffer
	a := &Appliance{log: slog.New(slog.NewTextHandler(&log, nil)), sealer: uplink.NewSealer(uplink.SealerConfig{Spool: sp})}
	from := []string{"192.168.1.5:40000", "[::ffff:192.168.1.6]:40000", "[2001:db8::7]:40000", "[fe80::8%br-lan]:40000"}
	for _, address := range from {
		if err := (source{a}).Mark(netip.MustParseAddrPort(address), "new\x1bswitch\n"); err != nil {
			t.Error(err)
		}
	}
	if err := (source{a}).Mark(netip.MustParseAddrPort(from[0]), "\n"); !errors.Is(err, errMarkText) {
		t.Errorf("nothing: %v", err)
	}
	infos, err := spool.Inspect(spool.Disk{}, sp.Dir())
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, i := range infos {
		for _, m := range i.Header.Marks {
			got = append(got, m.By+": "+m.Text)
		}
	}
	want := []string{
		"console 192.168.1.5: new switch", "console 192.168.1.6: new switch",
		"console 2001:db8::7: new switch", "console fe80::8%br-lan: new switch",
	}
	if !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	if n := strings.Count(log.String(), `msg=mark client=`); n != len(from) || strings.Count(log.String(), `text="new switch"`) != n {
		t.Errorf("the log tells %d marks: %s", n, log.String())
	}
	if err := a.sealer.Close(); err != nil {
		t.Fatal(err)
	}
	if err := (source{a}).Mark(netip.MustParseAddrPort(from[0]), "too late"); !errors.Is(err, os.ErrClosed) {
		t.Errorf("after the end: %v", err)
	}
}

// TestMarkPace: as many as a person leaves, and no more than the spool can bear.
func TestMarkPace(t *testing.T) {
	var p markPace
	now := time.Unix(1_800_000_000, 0)
	taken := func() (n int) {
		for p.take(now) == nil {
			n++
		}
		return n
	}
	for _, row := range []struct {
		name string
		wait time.Duration
		want int
	}{
		{"at once", 0, marksBurst},
		{"a moment before the next one", markEvery - 1, 0},
		{"the next one", 1, 1},
		{"a while later", 3 * markEvery, 3},
		{"the next day", 24 * time.Hour, marksBurst},
	} {
		now = now.Add(row.wait)
		if got := taken(); got != row.want {
			t.Errorf("%s: %d, want %d", row.name, got, row.want)
		}
	}
	err := p.take(now.Add(markEvery - 3*time.Second/2))
	if !errors.Is(err, errMarkRate) || !strings.HasSuffix(err.Error(), " in 2s") {
		t.Error(err)
	}
}

// TestMarksInAHurry: what is left too fast is not in the spool, and its author is told.
func TestMarksInAHurry(t *testing.T) {
	a := testAppliance(t, config.Config{})
	from := netip.MustParseAddrPort("192.168.1.5:40000")
	var err error
	stored := uint64(0)
	for ; err == nil && stored <= 10*marksBurst; stored++ {
		err = source{a}.Mark(from, "click")
	}
	if stored--; !errors.Is(err, errMarkRate) || stored < marksBurst || a.spool.Stats().Sealed != stored {
		t.Errorf("%d marks, %+v, %v", stored, a.spool.Stats(), err)
	}
}
