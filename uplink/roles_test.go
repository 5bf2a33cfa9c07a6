package uplink

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"network-sniffer/board/testbed"
	"network-sniffer/uplink/schema"
)

// loader makes a login role that is a member of sniffer_device alone, and lets the rig's uploader connect as it. The schema is there.
func (r *rig) loader(t *testing.T) (role string) {
	t.Helper()
	if err := r.drain(); err != nil {
		t.Fatal(err)
	}
	if err := r.db.QueryRow("SELECT 'device_' || current_database()").Scan(&role); err != nil {
		t.Fatal(err)
	}
	r.execute(t, "CREATE ROLE "+role+" LOGIN IN ROLE sniffer_device")
	r.as(t, role)
	return role
}

func (r *rig) execute(t *testing.T, statements ...string) {
	t.Helper()
	for _, s := range statements {
		if _, err := r.db.Exec(s); err != nil {
			t.Fatalf("%s: %v", s, err)
		}
	}
}

// TestDeviceRole: membership of sniffer_device is all that a daemon needs: to register, to have partitions made, to store, and to
// recognize segments that the database has already.
func TestDeviceRole(t *testing.T) {
	r := newRig(t)
	r.loader(t)
	r.device = [16]byte{0x8e, 9}
	r.uploader.config.Device = r.device
	r.record(t, 1, 2000)
	kept := t.TempDir()
	if err := os.CopyFS(kept, os.DirFS(r.dir)); err != nil {
		t.Fatal(err)
	}
	segments := r.spool.Stats().Segments
	if err := r.drain(); err != nil {
		t.Fatal(err)
	}
	r.expect(t, 2000, 0)
	if n := testbed.QueryInt(t, r.db, "SELECT count(*) FROM sniffer.packets_default"); n != 0 {
		t.Errorf("%d rows have no partition", n)
	}
	if n := testbed.QueryInt(t, r.db, fmt.Sprintf("SELECT count(*) FROM sniffer.devices WHERE device_id = %d", DeviceID(r.device))); n != 1 {
		t.Errorf("%d devices have the new one's id", n)
	}

	r.spool.Close()
	copies, err := filepath.Glob(filepath.Join(kept, "*"))
	if err != nil || len(copies) == 0 {
		t.Fatal(copies, err)
	}
	for _, file := range copies {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(r.dir, filepath.Base(file)), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	r.open(t)
	r.uploader.config.Spool = r.spool
	if err := r.drain(); err != nil {
		t.Fatal(err)
	}
	r.expect(t, 2000, 0)
	if s := r.uploader.State(); s.Known != uint64(segments) {
		t.Errorf("%d segments were known, want %d", s.Known, segments)
	}
	if n := testbed.QueryInt(t, r.db, "SELECT count(*) FROM sniffer.balance WHERE balances AND row_count = 2000"); n != 1 {
		t.Errorf("%d devices balance", n)
	}
}

// TestMissingRights: without any one of its rights a daemon says which, and what to do; it keeps its rows, and stores them when it has
// the right again.
func TestMissingRights(t *testing.T) {
	r := newRig(t)
	r.loader(t)
	for _, row := range []struct {
		right string
		want  string // in the error; empty: the rows are stored nevertheless
	}{
		{"USAGE ON SCHEMA sniffer", "permission denied for schema sniffer"},
		{"SELECT ON sniffer.schema_versions", "permission denied for table schema_versions"},
		{"EXECUTE ON FUNCTION sniffer.register_device(uuid, text, text)", "permission denied for function register_device"},
		{"EXECUTE ON FUNCTION sniffer.ensure_partition(date)", ""},
		{"INSERT ON sniffer.packets", "permission denied for table packets"},
		{"INSERT ON sniffer.coverage", "permission denied for table coverage"},
		{"INSERT ON sniffer.segments", "permission denied for table segments"},
	} {
		r.execute(t, "REVOKE "+row.right+" FROM sniffer_device")
		run := testbed.QueryInt(t, r.db, "SELECT count(*) FROM sniffer.books") + 1
		r.record(t, byte(run), 500)
		waiting := r.spool.Stats().Segments
		err := r.drain()
		if row.want == "" {
			if err != nil {
				t.Errorf("without %s: %v", row.right, err)
			}
		} else {
			if !errors.Is(err, schema.ErrPermission) || !strings.Contains(err.Error(), row.want) || !strings.Contains(err.Error(), "GRANT sniffer_device TO") {
				t.Errorf("without %s: %v", row.right, err)
			}
			if n := r.spool.Stats().Segments; n != waiting {
				t.Errorf("without %s: %d of %d segments wait", row.right, n, waiting)
			}
			if e := r.uploader.State().LastError; !strings.Contains(e, row.want) {
				t.Errorf("without %s the state tells %q", row.right, e)
			}
		}
		r.execute(t, "GRANT "+row.right+" TO sniffer_device")
		if err := r.drain(); err != nil {
			t.Errorf("with %s again: %v", row.right, err)
		}
		r.expect(t, 500*run, 0)
	}
}
