package schema

import (
	"context"
	"database/sql"
	"fmt"
)

// Apply brings the database to Version, one transaction per version, and returns the version it found (0: none) and the one it
// left. It may be repeated, and run by any number of programs at once: they wait for each other. A database newer than this
// program is left alone. When a version fails it is undone, the ones before it stay, and to says so. Last the roles get their
// rights, each time: an administrator may have made them since.
func Apply(ctx context.Context, db *sql.DB) (from, to int, err error) {
	return apply(ctx, db, steps())
}

func apply(ctx context.Context, db *sql.DB, list []step) (from, to int, err error) {
	from = -1
	for i := range list {
		found, now, err := applyStep(ctx, db, &list[i])
		if err != nil {
			err = opError(fmt.Sprintf("apply version %d (%s)", list[i].version, list[i].name), err, false, adviceOwner)
			return max(from, 0), to, err
		}
		if from < 0 {
			from = found
		}
		to = now
	}
	if err := grantRoles(ctx, db); err != nil {
		return max(from, 0), to, opError("grant the roles their rights", err, false, adviceOwner)
	}
	return max(from, 0), to, nil
}

// grantRoles does it in a schema that knows of roles.
func grantRoles(ctx context.Context, db *sql.DB) error {
	tx, err := db.BeginTx(ctx, &sql.TxOptions{Isolation: sql.LevelReadCommitted})
	if err != nil {
		return err
	}
	defer tx.Rollback()
	if _, err := tx.ExecContext(ctx, lock()); err != nil {
		return err
	}
	var there bool
	if err := tx.QueryRowContext(ctx, `SELECT to_regprocedure('sniffer.grant_roles()') IS NOT NULL`).Scan(&there); err != nil || !there {
		return err
	}
	if _, err := tx.ExecContext(ctx, `SELECT sniffer.grant_roles()`); err != nil {
		return err
	}
	return tx.Commit()
}

// applyStep applies s unless the database is that far, and returns the version before and after.
func applyStep(ctx context.Context, db *sql.DB, s *step) (found, now int, err error) {
	// READ COMMITTED whatever the server's default is: the version must be read as it is after the wait for the lock.
	tx, err := db.BeginTx(ctx, &sql.TxOptions{Isolation: sql.LevelReadCommitted})
	if err != nil {
		return 0, 0, err
	}
	defer tx.Rollback()
	if _, err := tx.ExecContext(ctx, lock()); err != nil {
		return 0, 0, err
	}
	if found, err = recorded(ctx, tx); err != nil {
		return 0, 0, err
	}
	if found >= s.version {
		return found, found, nil
	}
	// Without arguments the text goes out as one simple query, which may hold any number of statements.
	if _, err := tx.ExecContext(ctx, s.sql); err != nil {
		return 0, 0, err
	}
	if _, err := tx.ExecContext(ctx, s.record()); err != nil {
		return 0, 0, err
	}
	if err := tx.Commit(); err != nil {
		return 0, 0, err
	}
	return found, s.version, nil
}

// recorded returns the version in force, 0 for none. It looks before it reads: a failed query would end the transaction.
func recorded(ctx context.Context, tx *sql.Tx) (version int, err error) {
	var there bool
	err = tx.QueryRowContext(ctx, `SELECT to_regclass('sniffer.schema_versions') IS NOT NULL`).Scan(&there)
	if err != nil || !there {
		return 0, err
	}
	err = tx.QueryRowContext(ctx, `SELECT coalesce(max(version), 0) FROM sniffer.schema_versions`).Scan(&version)
	return version, err
}
