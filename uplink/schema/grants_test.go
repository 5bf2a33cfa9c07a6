package schema

import (
	"regexp"
	"strings"
	"testing"

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

// The functions run with their owner's rights, so they must not look names up where their caller can put others.
func TestFunctionsIgnoreTheCallersNames(t *testing.T) {
	db, address := applied(t)
	role, roleAddress := as(t, db, address, "device")
	run(t, db, "GRANT sniffer_device TO "+role, "GRANT CREATE, TEMPORARY ON DATABASE "+strings.TrimPrefix(role, "device_")+" TO "+role)
	device := testbed.DB(t, roleAddress)
	device.SetMaxOpenConns(1)
	run(t, device,
		"CREATE SCHEMA trap",
		"CREATE FUNCTION trap.to_char(date, text) RETURNS text LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''trapped''; END'",
		"CREATE FUNCTION trap.replace(text, text, text) RETURNS text LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''trapped''; END'",
		"CREATE FUNCTION pg_temp.format(text, text) RETURNS text LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''trapped''; END'",
		"CREATE TEMPORARY TABLE devices (device_id bigint)",
		"SET search_path = trap, pg_temp, pg_catalog")
	if !ensureDay(t, device, noon) {
		t.Error("no partition was made")
	}
	if id, err := Register(testContext(t), device, "00000000-0000-0001-8000-000000000000", "cellar", "test"); id != 1 || err != nil {
		t.Errorf("Register: %d, %v", id, err)
	}
	if got := queryStrings(t, db, `SELECT p.proname FROM pg_proc p
		WHERE p.pronamespace = 'sniffer'::regnamespace AND (p.prosecdef OR p.prolang = (SELECT oid FROM pg_language WHERE lanname = 'plpgsql'))
		  AND NOT coalesce('search_path=pg_catalog, pg_temp' = ANY (p.proconfig), false)`); got != nil {
		t.Errorf("these functions look names up in the caller's search_path: %q", got)
	}
}
