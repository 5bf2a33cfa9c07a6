package schema

import (
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"network-sniffer/board/testbed"
)

func TestCheck(t *testing.T) {
	rows := []struct {
		name   string
		change []string // to a database with the schema
		needs  int
		want   Status
		err    error
		advice string
	}{
		{name: "as it should be", needs: Version, want: Status{Version: Version}},
		{name: "newer", needs: Version, change: []string{"INSERT INTO sniffer.schema_versions VALUES (77, 'future')"}, want: Status{Version: 77}},
		{name: "older", needs: Version + 1, want: Status{Version: Version}, err: ErrOlder, advice: adviceApply},
		{name: "no schema", needs: Version, change: []string{"DROP SCHEMA sniffer CASCADE"}, err: ErrMissing, advice: adviceApply},
		{name: "schema of another program", needs: Version, change: []string{"DROP SCHEMA sniffer CASCADE", "CREATE SCHEMA sniffer"}, err: ErrMissing, advice: adviceApply},
		{name: "no version recorded", needs: Version, change: []string{"DELETE FROM sniffer.schema_versions"}, err: ErrMissing, advice: adviceApply},
		{name: "view dropped", needs: Version, change: []string{"DROP VIEW sniffer.losses"}, want: Status{Version, []string{"sniffer.losses"}}},
		{
			name: "tables and function dropped", needs: Version,
			change: []string{"DROP TABLE sniffer.segments CASCADE", "DROP FUNCTION sniffer.ensure_partition"},
			want:   Status{Version, []string{"sniffer.segments", "sniffer.books", "sniffer.balance", "sniffer.ensure_partition(date)"}},
		},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			db, _ := applied(t)
			run(t, db, row.change...)
			got, err := check(testContext(t), db, row.needs)
			if !reflect.DeepEqual(got, row.want) || !errors.Is(err, row.err) {
				t.Errorf("%+v, %v, want %+v, %v", got, err, row.want, row.err)
			}
			if err != nil && !strings.Contains(err.Error(), row.advice) {
				t.Errorf("%q does not advise %q", err, row.advice)
			}
		})
	}
}

func TestCheckKnowsEveryRelation(t *testing.T) {
	db, _ := applied(t)
	got := queryStrings(t, db, `SELECT relname FROM pg_class WHERE relnamespace = 'sniffer'::regnamespace AND relkind IN ('r', 'p', 'v') ORDER BY 1`)
	want := slices.Sorted(slices.Values(objects[:]))
	if !slices.Equal(got, want) {
		t.Errorf("relations\n%v, Check looks for\n%v", got, want)
	}
}

func TestStrangerIsToldWhatIsMissing(t *testing.T) {
	db, address := applied(t)
	role, roleAddress := as(t, db, address, "stranger")
	stranger := testbed.DB(t, roleAddress)
	calls := []struct {
		name string
		call func() error
	}{
		{"Check", func() error { _, err := Check(testContext(t), stranger); return err }},
		{"EnsureDay", func() error { _, err := EnsureDay(testContext(t), stranger, time.Now()); return err }},
	}
	for _, step := range []struct{ name, grant string }{
		{"no right", "SELECT 1"},
		{"the schema alone", "GRANT USAGE ON SCHEMA sniffer TO " + role},
	} {
		run(t, db, step.grant)
		for _, c := range calls {
			err := c.call()
			if !errors.Is(err, ErrPermission) || errors.Is(err, ErrMissing) || !strings.Contains(err.Error(), adviceGrant) {
				t.Errorf("%s with %s: %v", c.name, step.name, err)
			}
		}
	}
}
