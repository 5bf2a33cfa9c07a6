package schema

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/lib/pq"

	"network-sniffer/board/testbed"
)

// member makes a login role that is a member of these roles and nothing else, and returns its connection.
func member(t *testing.T, db *sql.DB, address string, of ...string) *sql.DB {
	t.Helper()
	label := "stranger"
	if len(of) > 0 {
		label = strings.Join(of, "_")
	}
	role, roleAddress := as(t, db, address, label)
	for _, group := range of {
		run(t, db, "GRANT "+group+" TO "+role)
	}
	return testbed.DB(t, roleAddress)
}

// rights are what a role may do with every object of the schema, by the catalog: a new object cannot be forgotten.
const rights = `
	SELECT concat_ws(' ', 'schema', p) FROM unnest('{USAGE,CREATE}'::text[]) AS p WHERE has_schema_privilege('sniffer', p)
	UNION ALL
	SELECT concat_ws(' ', c.relname, p) FROM pg_class c, unnest('{SELECT,INSERT,UPDATE,REFERENCES}'::text[]) AS p
	WHERE c.relnamespace = 'sniffer'::regnamespace AND c.relkind IN ('r', 'p', 'v', 'm', 'f') AND has_any_column_privilege(c.oid, p)
	UNION ALL
	SELECT concat_ws(' ', c.relname, p) FROM pg_class c, unnest('{DELETE,TRUNCATE,TRIGGER}'::text[]) AS p
	WHERE c.relnamespace = 'sniffer'::regnamespace AND c.relkind IN ('r', 'p', 'v', 'm', 'f') AND has_table_privilege(c.oid, p)
	UNION ALL
	SELECT concat_ws(' ', c.relname, p) FROM pg_class c, unnest('{SELECT,USAGE,UPDATE}'::text[]) AS p
	WHERE c.relnamespace = 'sniffer'::regnamespace AND c.relkind = 'S' AND has_sequence_privilege(c.oid, p)
	UNION ALL
	SELECT concat_ws(' ', p.proname, 'EXECUTE') FROM pg_proc p
	WHERE p.pronamespace = 'sniffer'::regnamespace AND has_function_privilege(p.oid, 'EXECUTE')
	ORDER BY 1`

func TestRightsOfTheRoles(t *testing.T) {
	db, address := applied(t)
	ensureDay(t, db, noon)
	// Functions that run with the rights of whoever calls them, and cannot be reached without USAGE on the schema.
	public := []string{"conversations EXECUTE", "missing_grants EXECUTE", "protocol_name EXECUTE", "top_talkers EXECUTE"}
	device := []string{
		"schema USAGE", "schema_versions SELECT", "packets INSERT", "segments INSERT", "coverage INSERT", "coverage_losses INSERT", "marks INSERT",
		"ensure_partition EXECUTE", "register_device EXECUTE",
	}
	reader := []string{"schema USAGE"}
	for _, name := range objects {
		if name != "packets_default" {
			reader = append(reader, name+" SELECT")
		}
	}
	for _, row := range []struct {
		of   []string
		want []string
	}{
		{nil, nil},
		{[]string{"sniffer_device"}, device},
		{[]string{"sniffer_reader"}, reader},
		{[]string{"sniffer_device", "sniffer_reader"}, slices.Concat(device, reader)},
	} {
		t.Run(strings.Join(row.of, "+"), func(t *testing.T) {
			got := queryStrings(t, member(t, db, address, row.of...), rights)
			want := slices.Concat(public, row.want)
			slices.Sort(want)
			slices.Sort(got)
			if want = slices.Compact(want); !slices.Equal(got, want) {
				t.Errorf("it may\n%q, want\n%q", got, want)
			}
		})
	}
}

// refused runs statements that have to end with 42501, or with 55000: a view that nobody can write to.
func refused(t *testing.T, db *sql.DB, statements ...string) {
	t.Helper()
	for _, s := range statements {
		if _, err := db.ExecContext(testContext(t), s); pq.As(err, "42501", "55000") == nil {
			t.Errorf("%s: %v, want SQLSTATE 42501", s, err)
		}
	}
}

// TestStatementsOfTheRoles: the catalog's word is tried, with what a daemon sends and with what somebody who stole its password would.
func TestStatementsOfTheRoles(t *testing.T) {
	const uuid = "00000000-0000-0001-8000-000000000000"
	const packet = "INSERT INTO sniffer.packets (ts, device_id, interface) VALUES ('2026-11-22 12:00Z', 1, 'eth0')"
	const partition = "SELECT sniffer.ensure_partition('2026-11-22')"
	const register = "SELECT sniffer.register_device('" + uuid + "', 'cellar', 'test')"
	segment := formerSegment(3, 1, 1, 1, 0, 0)
	mark := presentMark(1)
	every := func(format string) (list []string) {
		for _, name := range objects {
			list = append(list, fmt.Sprintf(format, name))
		}
		return list
	}
	db, address := applied(t)
	ensureDay(t, db, noon.AddDate(0, 0, 1))

	device := member(t, db, address, "sniffer_device")
	run(t, device, partition, register, packet, segment, mark, "SELECT version FROM sniffer.schema_versions")
	for _, name := range objects {
		if name != "schema_versions" {
			refused(t, device, "SELECT FROM sniffer."+name, "TABLE sniffer."+name)
		}
	}
	reader := member(t, db, address, "sniffer_reader")
	for _, name := range objects {
		if name != "packets_default" {
			run(t, reader, "TABLE sniffer."+name)
		}
	}
	run(t, reader, "SELECT FROM sniffer.conversations('2026-11-22Z', '2026-11-23Z')", "SELECT FROM sniffer.top_talkers('2026-11-22Z', '2026-11-23Z')")
	refused(t, reader, partition, register, packet, segment, mark, "SELECT FROM sniffer.packets_20261122", "COPY sniffer.packets (ts) FROM STDIN")
	stranger := member(t, db, address)
	refused(t, stranger, partition, register, packet, segment, mark)
	refused(t, stranger, every("TABLE sniffer.%s")...)
	for _, limited := range []*sql.DB{device, reader, stranger} {
		refused(t, limited, every("DELETE FROM sniffer.%s")...)
		refused(t, limited, "UPDATE sniffer.devices SET name = ''", "UPDATE sniffer.coverage SET received = 0", "UPDATE sniffer.packets SET ts = ts",
			"INSERT INTO sniffer.schema_versions VALUES (9, 'x')", "INSERT INTO sniffer.expired VALUES (1, '2026-11-22', 1)",
			"INSERT INTO sniffer.packets_20261123 (ts, device_id, interface) VALUES ('2026-11-23 12:00Z', 1, 'eth0')",
			"TRUNCATE sniffer.packets", "DROP TABLE sniffer.packets_20261123", "ALTER TABLE sniffer.packets DETACH PARTITION sniffer.packets_20261123",
			"ALTER TABLE sniffer.packets ADD COLUMN x int", "CREATE TABLE sniffer.mine ()", "CREATE INDEX ON sniffer.packets (device_id)",
			"SELECT sniffer.expire_day('2026-11-23')", "SELECT sniffer.drop_day('2026-11-23')", "SELECT sniffer.grant_roles()",
			"GRANT sniffer_reader TO sniffer_device", "DROP ROLE sniffer_device")
	}
}

// TestMembersPassTheChecks: what a daemon asks when it connects is answered for a member of sniffer_device, and tells a stranger what
// is missing.
func TestMembersPassTheChecks(t *testing.T) {
	const uuid = "00000000-0000-0001-8000-000000000000"
	db, address := applied(t)
	for _, of := range []string{"sniffer_device", "sniffer_reader"} {
		limited := member(t, db, address, of)
		s, err := Check(testContext(t), limited)
		if err != nil || s.Version != Version || s.Missing != nil {
			t.Errorf("Check as %s: %+v, %v", of, s, err)
		}
		if _, err := Advise(testContext(t), limited); err != nil {
			t.Errorf("Advise as %s: %v", of, err)
		}
	}
	stranger := member(t, db, address)
	for _, step := range []string{"SELECT 1", "GRANT USAGE ON SCHEMA sniffer TO PUBLIC"} {
		run(t, db, step)
		_, err := Register(testContext(t), stranger, uuid, "cellar", "test")
		if pq.As(err, "42501") == nil || !strings.Contains(err.Error(), adviceGrant) {
			t.Errorf("Register as a stranger after %s: %v", step, err)
		}
	}
}

// ownerWithoutRoles returns the databases of a server that has neither of our roles, by the addresses of an owner who may not make
// any and of an administrator.
func ownerWithoutRoles(t *testing.T, databases int) (server *testbed.Postgres, owner, administrator []string) {
	t.Helper()
	server = testbed.StartPostgres(t)
	for i := range databases {
		address := server.NewDatabase(t)
		db := testbed.DB(t, address)
		role, roleAddress := as(t, db, address, fmt.Sprintf("owner%d", i))
		run(t, db, "CREATE SCHEMA sniffer AUTHORIZATION "+role)
		owner, administrator = append(owner, roleAddress), append(administrator, address)
	}
	return server, owner, administrator
}

// TestRolesThatComeLater: an owner who may not make roles has a schema that works without them; when an administrator made them,
// the owner's next apply gives them their rights.
func TestRolesThatComeLater(t *testing.T) {
	_, owners, administrators := ownerWithoutRoles(t, 1)
	owner, administrator := testbed.DB(t, owners[0]), testbed.DB(t, administrators[0])
	advice := func() Advice {
		t.Helper()
		a, err := Advise(testContext(t), owner)
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	apply := func(want int) {
		t.Helper()
		if from, to, err := Apply(testContext(t), owner); from != want || to != Version || err != nil {
			t.Fatalf("Apply: from %d to %d, %v", from, to, err)
		}
	}
	apply(0)
	if a := advice(); !slices.Equal(a.Roles, []string{"sniffer_device", "sniffer_reader"}) || a.Grants != nil || a.Excess != nil {
		t.Errorf("without roles: %+v", a)
	}
	run(t, administrator, "CREATE ROLE sniffer_device NOLOGIN")
	if a := advice(); !slices.Equal(a.Roles, []string{"sniffer_reader"}) || len(a.Grants) != 9 || !slices.Contains(a.Grants, "INSERT ON sniffer.packets TO sniffer_device") {
		t.Errorf("with a role that has no rights yet: %+v", a)
	}
	apply(Version)
	if a := advice(); !slices.Equal(a.Roles, []string{"sniffer_reader"}) || a.Grants != nil {
		t.Errorf("with one role: %+v", a)
	}
	run(t, administrator, "CREATE ROLE sniffer_reader NOLOGIN")
	apply(Version)
	if a := advice(); a.Roles != nil || a.Grants != nil || a.Excess != nil {
		t.Errorf("with both roles: %+v", a)
	}
	run(t, owner, "GRANT SELECT, UPDATE ON sniffer.devices TO sniffer_device")
	if a := advice(); !slices.Equal(a.Excess, []string{"SELECT, UPDATE ON sniffer.devices FROM sniffer_device"}) {
		t.Errorf("with rights of before: %+v", a)
	}
}

// TestRolesFromManyDatabases: roles are of the whole server, and databases that make them at the same time do not hinder each other.
func TestRolesFromManyDatabases(t *testing.T) {
	const databases = 6
	_, _, addresses := ownerWithoutRoles(t, databases)
	ctx, cancel := context.WithTimeout(context.Background(), deadline)
	defer cancel()
	var wg sync.WaitGroup
	for _, address := range addresses {
		db := testbed.DB(t, address)
		wg.Go(func() {
			_, to, err := Apply(ctx, db)
			if pq.As(err, "55P03") != nil { // a loaded machine: another one had the role in hand for seconds
				_, to, err = Apply(ctx, db)
			}
			if to != Version || err != nil {
				t.Errorf("Apply: to %d, %v", to, err)
			}
		})
	}
	wg.Wait()
	for _, address := range addresses {
		if a, err := Advise(testContext(t), testbed.DB(t, address)); err != nil || a.Roles != nil || a.Grants != nil {
			t.Errorf("%+v, %v", a, err)
		}
	}
}
