package schema

import (
	"regexp"
	"strings"
	"testing"

	"github.com/lib/pq"

	"network-sniffer/board/testbed"
)

// grants returns the GRANT lines that the schema's first file recommends for a role, for another role's name.
func grants(t *testing.T, recommended, role string) []string {
	t.Helper()
	var list []string
	for _, m := range regexp.MustCompile(`(?m)^--   (GRANT .* TO `+recommended+`;)$`).FindAllStringSubmatch(steps()[0].sql, -1) {
		list = append(list, strings.Replace(m[1], recommended, role, 1))
	}
	if len(list) == 0 {
		t.Fatalf("no grants for %s in the file", recommended)
	}
	return list
}

func TestRolesMayWhatTheyNeedAndNoMore(t *testing.T) {
	const packet = "INSERT INTO sniffer.packets (ts, device_id, interface) VALUES ('2026-11-22 12:00Z', 1, 'eth0')"
	const partition = "SELECT sniffer.ensure_partition('2027-01-01')"
	rows := []struct {
		role      string
		may, deny []string
	}{
		{
			role: "sniffer_device",
			may: []string{
				`INSERT INTO sniffer.devices (device_id, device_uuid, name) VALUES (1, '00000000-0000-0001-8000-000000000000', 'cellar')
				 ON CONFLICT (device_id) DO UPDATE SET name = excluded.name, last_seen = now()`,
				partition,
				packet,
				`INSERT INTO sniffer.coverage (device_id, run_id, sequence, interface, from_ts, to_ts, received, row_count, pending)
				 VALUES (1, '11111111-1111-4111-8111-111111111111', 1, 'eth0', now(), now(), 1, 1, 0)`,
				`INSERT INTO sniffer.coverage (device_id, run_id, sequence, interface, from_ts, to_ts, received, row_count, pending_change, sample_rate)
				 VALUES (1, '11111111-1111-4111-8111-111111111111', 1, 'eth1', now(), now(), 1, 1, 0, 10)`,
				`INSERT INTO sniffer.coverage_losses VALUES (1, '11111111-1111-4111-8111-111111111111', 1, 'eth0', 'ring_full', 0)`,
				`INSERT INTO sniffer.segments (device_id, run_id, sequence, last_sequence, row_count, sealed_at, final)
				 VALUES (1, '11111111-1111-4111-8111-111111111111', 1, 1, 1, now(), false) ON CONFLICT (device_id, run_id, sequence) DO NOTHING`,
			},
			deny: []string{
				"SELECT FROM sniffer.packets", "DELETE FROM sniffer.packets", "DELETE FROM sniffer.segments", "UPDATE sniffer.coverage SET received = 0",
				"INSERT INTO sniffer.schema_versions VALUES (9, 'x')", "CREATE TABLE sniffer.mine ()", "DROP TABLE sniffer.packets_20270101",
				"SELECT FROM sniffer.packets_readable",
			},
		},
		{
			role: "sniffer_reader",
			may: []string{
				"SELECT FROM sniffer.packets", "SELECT FROM sniffer.packets_readable", "SELECT FROM sniffer.sniffer", "SELECT FROM sniffer.books",
				"SELECT FROM sniffer.losses", "SELECT FROM sniffer.visibility", "SELECT FROM sniffer.segments",
			},
			deny: []string{packet, partition, "DELETE FROM sniffer.devices"},
		},
	}
	for _, row := range rows {
		t.Run(row.role, func(t *testing.T) {
			db, address := applied(t)
			role, roleAddress := as(t, db, address, row.role)
			run(t, db, grants(t, row.role, role)...)
			limited := testbed.DB(t, roleAddress)
			if s, err := Check(testContext(t), limited); err != nil || s.Missing != nil {
				t.Errorf("Check: %+v, %v", s, err)
			}
			run(t, limited, row.may...)
			for _, s := range row.deny {
				if _, err := limited.ExecContext(testContext(t), s); pq.As(err, "42501") == nil {
					t.Errorf("%s: %v, want SQLSTATE 42501", s, err)
				}
			}
		})
	}
}

// The function runs with its owner's rights, so it must not look names up where its caller can put others.
func TestEnsurePartitionIgnoresTheCallersNames(t *testing.T) {
	db, address := applied(t)
	role, roleAddress := as(t, db, address, "sniffer_device")
	run(t, db, grants(t, "sniffer_device", role)...)
	run(t, db, "GRANT CREATE, TEMPORARY ON DATABASE "+strings.TrimPrefix(role, "sniffer_device_")+" TO "+role)
	device := testbed.DB(t, roleAddress)
	device.SetMaxOpenConns(1)
	run(t, device,
		"CREATE SCHEMA trap",
		"CREATE FUNCTION trap.to_char(date, text) RETURNS text LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''trapped''; END'",
		"CREATE FUNCTION pg_temp.format(text, text) RETURNS text LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''trapped''; END'",
		"SET search_path = trap, pg_temp, pg_catalog")
	if !ensureDay(t, device, noon) {
		t.Error("no partition was made")
	}
}
