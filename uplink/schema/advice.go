package schema

import (
	"context"
	"database/sql"
	"strconv"
)

// Advice is what Advise found: nothing that stops rows from being stored, but what a person may want to mend.
type Advice struct {
	// Roles are those of sniffer_device and sniffer_reader that the server does not have. Whoever may make roles runs CREATE ROLE …
	// NOLOGIN for each, and the owner Apply.
	Roles []string
	// Grants are the rights that these roles need and do not have, each as the words behind GRANT; Apply gives them.
	Grants []string
	// Excess are rights on tables that sniffer_device has beyond what it needs, each as the words behind REVOKE: daemons before
	// version 4 needed them.
	Excess []string
	// Days are those of today and tomorrow, in UTC, that have no partition yet: a daemon makes them when it connects.
	Days []string
	// DefaultBytes is the size of packets_default, which has the rows of days without a partition.
	DefaultBytes int64
}

// Each line has a kind and a text; a kind that found nothing has none. The answer needs no right but USAGE on the schema.
const adviseSQL = `
SELECT 'role' AS kind, role AS text FROM unnest('{sniffer_device,sniffer_reader}'::text[]) AS role WHERE to_regrole(role) IS NULL
UNION ALL
SELECT 'grant', text FROM sniffer.missing_grants() AS text
UNION ALL
SELECT 'excess', format('%s ON sniffer.%I FROM sniffer_device', string_agg(a.privilege_type, ', ' ORDER BY a.privilege_type), c.relname)
FROM pg_class c, aclexplode(c.relacl) AS a
WHERE c.relnamespace = to_regnamespace('sniffer') AND a.grantee = to_regrole('sniffer_device')
  AND NOT (a.privilege_type = 'SELECT' AND c.relname = 'schema_versions')
  AND NOT (a.privilege_type = 'INSERT' AND c.relname IN ('packets', 'segments', 'coverage', 'coverage_losses', 'marks'))
GROUP BY c.relname
UNION ALL
SELECT 'day', day
FROM (SELECT to_char(now() AT TIME ZONE 'UTC' + n * interval '1 day', 'YYYY-MM-DD') AS day FROM generate_series(0, 1) AS n) AS d
WHERE pg_partition_root('sniffer.packets') IS NOT NULL AND to_regclass('sniffer.packets_' || replace(day, '-', '')) IS NULL
UNION ALL
SELECT 'default', pg_relation_size(to_regclass('sniffer.packets_default'))::text WHERE to_regclass('sniffer.packets_default') IS NOT NULL
ORDER BY 1, 2`

// Advise looks at what Check does not: roles and their rights, the partitions of the next days, rows that have none. It needs a
// database that Check found nothing missing in, and no right but USAGE on the schema.
func Advise(ctx context.Context, db *sql.DB) (Advice, error) {
	var a Advice
	rows, err := db.QueryContext(ctx, adviseSQL)
	if err != nil {
		return Advice{}, opError("look at the roles", err, true, adviceGrant)
	}
	defer rows.Close()
	for rows.Next() {
		var kind, text string
		if err := rows.Scan(&kind, &text); err != nil {
			return Advice{}, opError("look at the roles", err, false, adviceGrant)
		}
		switch kind {
		case "role":
			a.Roles = append(a.Roles, text)
		case "grant":
			a.Grants = append(a.Grants, text)
		case "excess":
			a.Excess = append(a.Excess, text)
		case "day":
			a.Days = append(a.Days, text)
		case "default":
			if a.DefaultBytes, err = strconv.ParseInt(text, 10, 64); err != nil {
				return Advice{}, opError("look at packets_default", err, false, adviceGrant)
			}
		}
	}
	if err := rows.Err(); err != nil {
		return Advice{}, opError("look at the roles", err, true, adviceGrant)
	}
	return a, nil
}
