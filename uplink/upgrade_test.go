package uplink

import (
	"context"
	"errors"
	"net/url"
	"slices"
	"strings"
	"testing"

	"network-sniffer/uplink/schema"
	"network-sniffer/uplink/spool"
)

// formerSchema brings the rig's database to the version before the newest.
func formerSchema(t *testing.T, r *rig) {
	t.Helper()
	var script strings.Builder
	if err := schema.Print(&script, 0); err != nil {
		t.Fatal(err)
	}
	versions := strings.Split(script.String(), "\nBEGIN;\n")[1:] // before it stands a word to psql
	for _, text := range versions[:schema.Version-1] {
		if _, err := r.db.Exec("BEGIN;\n" + text); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := schema.Check(context.Background(), r.db); !errors.Is(err, schema.ErrOlder) {
		t.Fatalf("the former schema: %v", err)
	}
}

// as lets the rig's uploader connect as another role.
func (r *rig) as(t *testing.T, role string) {
	t.Helper()
	r.target(t, func(dsn string) string {
		u, err := url.Parse(dsn)
		if err != nil {
			t.Fatal(err)
		}
		u.User = url.User(role)
		return u.String()
	})
}

// target lets the rig's uploader use another URL.
func (r *rig) target(t *testing.T, change func(dsn string) string) {
	t.Helper()
	c := r.uploader.config
	target, err := ParseTarget(change(c.Target.dsn))
	if err != nil {
		t.Fatal(err)
	}
	c.Target = target
	r.uploader.Close()
	if r.uploader, err = NewUploader(c); err != nil {
		t.Fatal(err)
	}
}

// TestUpgradeByDaemon: the first daemon that may brings an older schema up, and stores its rows.
func TestUpgradeByDaemon(t *testing.T) {
	r := newRig(t)
	formerSchema(t, r)
	r.record(t, 1, 500)
	if err := r.drain(); err != nil {
		t.Fatal(err)
	}
	r.expect(t, 500, 0)
	if s, err := schema.Check(context.Background(), r.db); err != nil || s.Version != schema.Version {
		t.Errorf("%+v, %v", s, err)
	}
}

// TestUpgradeByOwner: a daemon that may only load keeps its rows until the owner has brought the schema up; the grants
// that it had are enough then.
func TestUpgradeByOwner(t *testing.T) {
	r := newRig(t)
	formerSchema(t, r)
	var database string
	if err := r.db.QueryRow("SELECT current_database()").Scan(&database); err != nil {
		t.Fatal(err)
	}
	role := "loader_" + database
	for _, s := range []string{
		"CREATE ROLE " + role + " LOGIN",
		"GRANT USAGE ON SCHEMA sniffer TO " + role,
		"GRANT SELECT ON sniffer.schema_versions TO " + role,
		"GRANT EXECUTE ON FUNCTION sniffer.register_device(uuid, text, text) TO " + role,
		"GRANT INSERT ON sniffer.segments, sniffer.coverage, sniffer.coverage_losses TO " + role,
		"GRANT INSERT ON sniffer.packets TO " + role,
		"GRANT EXECUTE ON FUNCTION sniffer.ensure_partition(date) TO " + role,
	} {
		if _, err := r.db.Exec(s); err != nil {
			t.Fatalf("%s: %v", s, err)
		}
	}
	r.as(t, role)
	r.record(t, 1, 500)
	if err := r.spool.Seal(&spool.Header{Device: r.device, Run: [16]byte{2}, Sequence: 1, Marks: []spool.Mark{{By: "console", Text: "a mark"}}}); err != nil {
		t.Fatal(err)
	}
	waiting := r.spool.Stats().Segments
	err := r.drain()
	if !errors.Is(err, schema.ErrOlder) || !errors.Is(err, schema.ErrPermission) || !strings.Contains(err.Error(), "sniffer schema apply") {
		t.Errorf("before the upgrade: %v", err)
	}
	if n := r.spool.Stats().Segments; n != waiting || n == 0 {
		t.Errorf("%d of %d segments wait", n, waiting)
	}
	if _, _, err := schema.Apply(context.Background(), r.db); err != nil {
		t.Fatal(err)
	}
	if err := r.drain(); err != nil {
		t.Fatal(err)
	}
	r.expect(t, 500, 0)
	if got := marksIn(t, r.db); !slices.Equal(got, []string{"1 1 console: a mark"}) {
		t.Errorf("marks %q", got)
	}
}
