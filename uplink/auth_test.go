package uplink

import (
	"crypto/tls"
	"database/sql"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/lib/pq"
	"github.com/lib/pq/pqerror"

	"network-sniffer/board/testbed"
)

// fortress is a PostgreSQL that lets each of its roles in another way.
type fortress struct {
	*papers
	pg   *testbed.Postgres
	db   *sql.DB
	name string // of the database
}

const secret = "geheim"

func newFortress(t *testing.T) *fortress {
	t.Helper()
	testbed.NeedPostgres(t)
	f := &fortress{papers: newPapers(t)}
	f.pg = testbed.StartPostgres(t, testbed.TLS(f.authority.IssueNow(t, "db.example.net"), f.authority),
		testbed.File("pg_hba.conf", []byte(`
local     all postgres              trust
hostssl   all scram    127.0.0.1/32 scram-sha-256
hostssl   all md5      127.0.0.1/32 md5
hostssl   all router   127.0.0.1/32 cert
hostssl   all twofold  127.0.0.1/32 scram-sha-256 clientcert=verify-full
hostssl   all tls      127.0.0.1/32 trust
hostnossl all plain    127.0.0.1/32 trust
hostnossl all password 127.0.0.1/32 scram-sha-256
`)))
	local := f.pg.NewDatabase(t)
	f.db, f.name = testbed.DB(t, local), databaseName(t, local)
	for _, statement := range []string{
		"CREATE ROLE scram LOGIN SUPERUSER PASSWORD '" + secret + "'", "CREATE ROLE password LOGIN SUPERUSER PASSWORD '" + secret + "'",
		"CREATE ROLE twofold LOGIN SUPERUSER PASSWORD '" + secret + "'",
		"CREATE ROLE router LOGIN SUPERUSER", "CREATE ROLE tls LOGIN SUPERUSER", "CREATE ROLE plain LOGIN SUPERUSER",
		"SET LOCAL password_encryption = 'md5'; CREATE ROLE md5 LOGIN SUPERUSER PASSWORD '" + secret + "'",
	} {
		if _, err := f.db.Exec(statement); err != nil {
			t.Fatal(err)
		}
	}
	return f
}

func (f *fortress) url(user, options string) string {
	return fmt.Sprintf("postgres://%s@db.example.net:%d/%s?hostaddr=127.0.0.1&%s", user, f.pg.Port(), f.name, options)
}

// device makes one device with an empty spool.
func (f *fortress) device(t *testing.T, address string) *rig {
	t.Helper()
	return devices(t, f.db, address, 1)[0]
}

// keepsSecret looks for the password in everything that a person or a log gets to see.
func (r *rig) keepsSecret(t *testing.T, err error) {
	t.Helper()
	s := fmt.Sprintf("%v\n%+v\n%s\n%+v", err, r.uploader.State(), r.log, r.uploader.config.Target)
	if strings.Contains(s, secret) || strings.Contains(s, "SCRAM-SHA-256$") {
		t.Errorf("the password is told:\n%s", s)
	}
}

// TestLogin uploads by every sslmode and way to log in that a server can ask for, or is told why not.
func TestLogin(t *testing.T) {
	f := newFortress(t)
	full := "sslmode=verify-full&sslrootcert=" + f.root
	own := "&sslcert=" + f.client + "&sslkey=" + f.clientKey
	router := f.authority.IssueNow(t, "twofold")
	both := "&sslcert=" + f.write(t, "both.crt", router.Certificate, 0o644) + "&sslkey=" + f.write(t, "both.key", router.Key, 0o600)
	rows := []struct {
		name, user, options string
		refused             pqerror.Code
		says                string // in the error
		encrypted           bool   // by us
	}{
		{"no TLS", "plain", "sslmode=disable", "", "", false},
		{"no TLS, password", "password:" + secret, "sslmode=disable", "", "", false},
		{"no TLS where it is demanded", "tls", "sslmode=disable", pqerror.InvalidAuthorizationSpecification, "no encryption", false},
		{"TLS where it is refused", "plain", "sslmode=require", pqerror.InvalidAuthorizationSpecification, "SSL encryption", false},
		{"require", "tls", "sslmode=require", "", "", true},
		{"verify-ca", "tls", "sslmode=verify-ca&sslrootcert=" + f.root, "", "", true},
		{"verify-full", "tls", full, "", "", true},
		{"the system's authorities", "tls", "sslmode=verify-full&sslrootcert=system", "", "sslrootcert=", false},
		{"allow", "tls", "sslmode=allow", "", "", false},
		{"prefer", "tls", "sslmode=prefer", "", "", false},
		{"SCRAM", "scram:" + secret, full, "", "", true},
		{"SCRAM, wrong password", "scram:" + secret + "2", full, pqerror.InvalidPassword, "", false},
		{"SCRAM, no password", "scram", full, pqerror.InvalidPassword, "", false},
		{"MD5", "md5:" + secret, full, "", "", true},
		{"MD5, wrong password", "md5:" + secret + "2", full, pqerror.InvalidPassword, "", false},
		{"certificate", "router", full + own, "", "", true},
		{"certificate of another role", "router", full + both, pqerror.InvalidAuthorizationSpecification, "", false},
		{"no certificate", "router", full, pqerror.InvalidAuthorizationSpecification, "name one by sslcert=", false},
		{"certificate and password", "twofold:" + secret, full + both, "", "", true},
		{"password without certificate", "twofold:" + secret, full,
			pqerror.InvalidAuthorizationSpecification, "name one by sslcert=", false},
	}
	stored := int64(0)
	for i, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			r := f.device(t, f.url(row.user, row.options))
			r.record(t, byte(i+1), 300)
			err := r.drain()
			r.keepsSecret(t, err)
			if row.refused != "" || row.says != "" {
				if err == nil || !strings.Contains(err.Error(), row.says) || row.refused != "" && pq.As(err, row.refused) == nil {
					t.Errorf("error %v\nwant SQLSTATE %s and %q", err, row.refused, row.says)
				}
				if r.spool.Stats().Segments == 0 {
					t.Error("the rows are gone")
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			stored += 300
			r.expect(t, stored, 0)
			c, ok := r.uploader.dialer.stream()
			if _, encrypted := c.(*tls.Conn); encrypted != row.encrypted {
				t.Errorf("the stream is %T, %v", c, ok)
			}
			// Where lib/pq encrypts, text is all there is.
			if format := r.uploader.State().Format; (format == FormatBinary) != ok {
				t.Errorf("the rows were sent as %v", format)
			}
			r.uploader.config.Format = FormatText
			r.record(t, byte(i+101), 200)
			if err := r.drain(); err != nil {
				t.Fatal(err)
			}
			stored += 200
			r.expect(t, stored, 0)
			if format := r.uploader.State().Format; format != FormatText {
				t.Errorf("the rows were sent as %v", format)
			}
		})
	}
}

// TestSecondLogin: a password that is wrong keeps the rows, and the upload goes on when it is mended: on the server, in the
// password file, whether an option or the environment names that.
func TestSecondLogin(t *testing.T) {
	f := newFortress(t)
	full := "sslmode=verify-full&sslrootcert=" + f.root
	file := f.write(t, "pgpass", []byte("*:*:*:*:wrong"+secret+"\n"), 0o600)
	right := fmt.Sprintf("db.example.net:%d:%s:scram:%s\n", f.pg.Port(), f.name, secret)
	mendFile := func(t *testing.T) { f.write(t, "pgpass", []byte(right), 0o600) }
	stored := int64(0)
	for i, row := range []struct {
		name, user, options, environment string
		mend                             func(*testing.T)
	}{
		{"on the server", "scram:" + secret, "", "", func(t *testing.T) {
			if _, err := f.db.Exec("ALTER ROLE scram PASSWORD '" + secret + "'"); err != nil {
				t.Fatal(err)
			}
		}},
		{"in the file of an option", "scram", "&passfile=" + file, "", mendFile},
		{"in the file of the environment", "scram", "", file, mendFile},
	} {
		t.Run(row.name, func(t *testing.T) {
			if row.environment != "" {
				t.Setenv("PGPASSFILE", row.environment)
			}
			f.write(t, "pgpass", []byte("*:*:*:*:wrong"+secret+"\n"), 0o600)
			if i == 0 {
				if _, err := f.db.Exec("ALTER ROLE scram PASSWORD 'another'"); err != nil {
					t.Fatal(err)
				}
			}
			r := f.device(t, f.url(row.user, full+row.options))
			r.record(t, byte(i+1), 1000)
			err := r.drain()
			if pq.As(err, pqerror.InvalidPassword) == nil || r.uploader.State().LastError == "" {
				t.Fatalf("error %v, state %+v", err, r.uploader.State())
			}
			r.keepsSecret(t, err)
			row.mend(t)
			if err := r.drain(); err != nil {
				t.Fatal(err)
			}
			stored += 1000
			// Four more connections, each after the last was killed.
			for j := range 4 {
				f.pg.KillBackends(t)
				r.record(t, byte(10*(i+1)+j), 500)
				if err := r.drain(); err != nil {
					t.Fatal(err)
				}
				stored += 500
			}
			r.expect(t, stored, 0)
			r.keepsSecret(t, nil)
		})
	}
	// A certificate that is renewed is used for the next connection.
	t.Run("certificate", func(t *testing.T) {
		cert, key := f.write(t, "late.crt", nil, 0o644), f.write(t, "late.key", nil, 0o600)
		if err := os.Remove(cert); err != nil {
			t.Fatal(err)
		}
		r := f.device(t, f.url("router", full+"&sslcert="+cert+"&sslkey="+key))
		r.record(t, 100, 700)
		if err := r.drain(); pq.As(err, pqerror.InvalidAuthorizationSpecification) == nil {
			t.Fatalf("without a certificate: %v", err)
		}
		own := f.authority.IssueNow(t, "router")
		f.write(t, "late.crt", own.Certificate, 0o644)
		f.write(t, "late.key", own.Key, 0o600)
		if err := r.drain(); err != nil {
			t.Fatal(err)
		}
		r.expect(t, stored+700, 0)
	})
}
