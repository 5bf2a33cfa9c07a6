package uplinkbench

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"unsafe"

	"github.com/jackc/pgx/v5"
	_ "github.com/lib/pq" // the driver "postgres"
)

// transactionRows is about what a transaction of the uplink holds: 4 MiB of records.
const transactionRows = 56_000

// textChunk is how many bytes of text go to lib/pq in one call.
const textChunk = 48 << 10

// rawCopy formats packets as text and hands it to lib/pq as it is, many rows a call.
func rawCopy(j *job) error {
	return inTransactions(j, func(ctx context.Context, conn *sql.Conn, t *traffic, rows int) error {
		return conn.Raw(func(c any) error {
			s, err := c.(driver.Conn).Prepare("COPY " + into + " FROM STDIN " + textOptions)
			if err != nil {
				return err
			}
			stmt := s.(interface {
				driver.Stmt
				CopyData(ctx context.Context, line string) (driver.Result, error)
			})
			text := textRow{make([]byte, 0, 2*textChunk)}
			for n := range rows {
				text.add(t.next())
				if len(text.b) < textChunk && n < rows-1 {
					continue
				}
				// It copies the text, and appends the last newline itself.
				if _, err := stmt.CopyData(ctx, unsafe.String(&text.b[0], len(text.b)-1)); err != nil {
					return err
				}
				text.b = text.b[:0]
			}
			if _, err := stmt.Exec(nil); err != nil {
				return err
			}
			return stmt.Close()
		})
	})
}

// copyExec is COPY as lib/pq documents it: a prepared statement and one Exec for each row, and one without arguments
// that ends it.
func copyExec(j *job) error {
	return inTransactions(j, func(ctx context.Context, conn *sql.Conn, t *traffic, rows int) error {
		stmt, err := conn.PrepareContext(ctx, "COPY "+into+" FROM STDIN")
		if err != nil {
			return err
		}
		defer stmt.Close()
		if err := execEach(ctx, stmt, t, rows); err != nil {
			return err
		}
		_, err = stmt.ExecContext(ctx)
		return err
	})
}

// insertExec is a prepared INSERT and one Exec, with its round trip, for each row.
func insertExec(j *job) error {
	marks := make([]string, len(columns))
	for i := range marks {
		marks[i] = "$" + strconv.Itoa(i+1)
	}
	return inTransactions(j, func(ctx context.Context, conn *sql.Conn, t *traffic, rows int) error {
		stmt, err := conn.PrepareContext(ctx, "INSERT INTO "+into+" VALUES ("+strings.Join(marks, ", ")+")")
		if err != nil {
			return err
		}
		defer stmt.Close()
		return execEach(ctx, stmt, t, rows)
	})
}

func execEach(ctx context.Context, stmt *sql.Stmt, t *traffic, rows int) error {
	var values valueRow
	for range rows {
		if _, err := stmt.ExecContext(ctx, values.add(t.next())...); err != nil {
			return err
		}
	}
	return nil
}

// inTransactions stores the job's rows over one connection of lib/pq.
func inTransactions(j *job, store func(ctx context.Context, conn *sql.Conn, t *traffic, rows int) error) error {
	ctx := context.Background()
	db, err := sql.Open("postgres", j.URL)
	if err != nil {
		return err
	}
	defer db.Close()
	conn, err := db.Conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	t := j.traffic()
	for left := j.Rows; left > 0; left -= transactionRows {
		tx, err := conn.BeginTx(ctx, nil)
		if err != nil {
			return err
		}
		if err := store(ctx, conn, t, min(left, transactionRows)); err != nil {
			_ = tx.Rollback()
			return err
		}
		if err := tx.Commit(); err != nil {
			return err
		}
	}
	return nil
}

// pgxCopy is pgx's CopyFrom, which encodes values in the binary format.
func pgxCopy(j *job) error {
	ctx := context.Background()
	conn, err := pgx.Connect(ctx, j.URL)
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	t := j.traffic()
	values := valueRow{typed: true}
	for left := j.Rows; left > 0; left -= transactionRows {
		rows := min(left, transactionRows)
		n := 0
		source := pgx.CopyFromFunc(func() ([]any, error) {
			if n++; n > rows {
				return nil, nil
			}
			return values.add(t.next()), nil
		})
		// COPY is a transaction of its own.
		copied, err := conn.CopyFrom(ctx, pgx.Identifier{"sniffer", "packets"}, columns, source)
		if err != nil {
			return err
		}
		if copied != int64(rows) {
			return fmt.Errorf("the server took %d of %d rows", copied, rows)
		}
	}
	return nil
}

// textFile writes what psql copies, once for all its runs.
func textFile(j *job) error {
	path := textPath(j)
	if _, err := os.Stat(path); err == nil {
		return nil
	}
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer f.Close()
	t := j.traffic()
	var text textRow
	for range j.Rows {
		if text.add(t.next()); len(text.b) >= textChunk {
			if _, err := f.Write(text.b); err != nil {
				return err
			}
			text.b = text.b[:0]
		}
	}
	_, err = f.Write(text.b)
	return err
}

func textPath(j *job) string {
	return filepath.Join(j.Dir, fmt.Sprintf("%s-%d.copy", j.Traffic, j.Rows))
}

// psql copies the file in one transaction.
func psql(j *job) []string {
	return []string{"psql", "--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", "--dbname=" + j.URL,
		"--command=\\copy " + into + " FROM '" + textPath(j) + "' " + textOptions}
}
