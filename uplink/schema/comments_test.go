package schema

import "testing"

func TestEveryObjectHasAComment(t *testing.T) {
	db, _ := applied(t)
	ensureDay(t, db, noon)
	const objects = `
		SELECT 'schema ' || nspname AS object, obj_description(oid, 'pg_namespace') AS comment FROM pg_namespace WHERE nspname = 'sniffer'
		UNION ALL
		SELECT 'relation ' || oid::regclass, obj_description(oid, 'pg_class')
		FROM pg_class WHERE relnamespace = 'sniffer'::regnamespace AND relkind IN ('r', 'p', 'v')
		UNION ALL
		SELECT 'column ' || c.oid::regclass || '.' || a.attname, col_description(c.oid, a.attnum)
		FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
		WHERE c.relnamespace = 'sniffer'::regnamespace AND c.relkind IN ('r', 'p', 'v') AND a.attnum > 0 AND NOT a.attisdropped
		UNION ALL
		SELECT 'function ' || oid::regprocedure, obj_description(oid, 'pg_proc') FROM pg_proc WHERE pronamespace = 'sniffer'::regnamespace`
	for _, object := range queryStrings(t, db, "SELECT object FROM ("+objects+") o WHERE comment IS NULL OR comment = '' ORDER BY 1") {
		t.Errorf("no comment on %s", object)
	}
	for _, kind := range []struct {
		name  string
		least int // what the query above must have found, or it looked in the wrong place
	}{{"schema", 1}, {"relation", 12}, {"column", 200}, {"function", 1}} {
		if n := queryStrings(t, db, "SELECT object FROM ("+objects+") o WHERE object LIKE '"+kind.name+" %'"); len(n) < kind.least {
			t.Errorf("%d objects of kind %s, want at least %d", len(n), kind.name, kind.least)
		}
	}
}
