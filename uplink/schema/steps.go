package schema

import (
	"embed"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

//go:embed sql/*.sql
var files embed.FS

// step is one version of the schema: the file sql/<version>_<name>.sql.
type step struct {
	version int
	name    string
	sql     string
}

// record is the statement that says in the database that the step was applied.
func (s *step) record() string {
	return fmt.Sprintf("INSERT INTO sniffer.schema_versions (version, name) VALUES (%d, '%s');", s.version, s.name)
}

// lock is the statement that makes a transaction the only one that changes the schema.
func lock() string { return fmt.Sprintf("SELECT pg_advisory_xact_lock(%d);", lockKey) }

// steps reads the embedded files in order. A misnamed file is a mistake of the build that the tests catch, hence the panic.
func steps() []step {
	entries, err := files.ReadDir("sql") // sorted by name
	if err != nil {
		panic("schema: embedded files: " + err.Error())
	}
	list := make([]step, 0, len(entries))
	for _, e := range entries {
		number, name, ok := strings.Cut(strings.TrimSuffix(e.Name(), ".sql"), "_")
		version, err := strconv.Atoi(number)
		if !ok || err != nil {
			panic("schema: " + e.Name() + " is not named <version>_<name>.sql")
		}
		text, err := files.ReadFile("sql/" + e.Name())
		if err != nil {
			panic("schema: embedded files: " + err.Error())
		}
		list = append(list, step{version: version, name: name, sql: string(text)})
	}
	return list
}

// ErrNoVersion: Print was asked for a version that this program does not know.
var ErrNoVersion = errors.New("no such version of the schema")

// Print writes what brings a database of a version (0: an empty one) to this program's: the versions behind it in order as a
// script, each in a transaction that also records it. It is what Apply does, for an administrator with psql. psql stops at the
// first error, and what ran before it in the same version is undone.
func Print(w io.Writer, from int) error {
	if from < 0 || from > Version {
		return fmt.Errorf("schema: print from version %d: %w; there are 0 (an empty database) to %d", from, ErrNoVersion, Version)
	}
	if _, err := io.WriteString(w, "\\set ON_ERROR_STOP on\n"); err != nil {
		return fmt.Errorf("schema: print: %w", err)
	}
	for _, s := range steps()[from:] {
		_, err := fmt.Fprintf(w, "\nBEGIN;\n%s\n%s\n%s\n%s\nCOMMIT;\n", lock(), s.guard(), s.sql, s.record())
		if err != nil {
			return fmt.Errorf("schema: print version %d: %w", s.version, err)
		}
	}
	return nil
}

// guard is the statement that fails unless the version before s is the one in force: a script that is run on another database than
// it was printed for ends before it changed anything.
func (s *step) guard() string {
	if s.version == 1 {
		return "" // it makes what it would have to look at
	}
	return fmt.Sprintf(`DO $$ BEGIN
    IF (SELECT max(version) FROM sniffer.schema_versions) IS DISTINCT FROM %d THEN
        RAISE EXCEPTION 'this brings schema sniffer from version %[1]d to %d, and the database has version %%',
            (SELECT coalesce(max(version), 0) FROM sniffer.schema_versions);
    END IF;
END $$;`, s.version-1, s.version)
}
