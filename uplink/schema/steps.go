package schema

import (
	"embed"
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

// Print writes all versions in order as a script for an empty database, each in a transaction that also records it: what Apply
// does, for an administrator with psql. psql stops at the first error, and what ran before it in the same version is undone.
func Print(w io.Writer) error {
	if _, err := io.WriteString(w, "\\set ON_ERROR_STOP on\n"); err != nil {
		return fmt.Errorf("schema: print: %w", err)
	}
	for _, s := range steps() {
		_, err := fmt.Fprintf(w, "\nBEGIN;\n%s\n\n%s\n%s\nCOMMIT;\n", lock(), s.sql, s.record())
		if err != nil {
			return fmt.Errorf("schema: print version %d: %w", s.version, err)
		}
	}
	return nil
}
