package store

import (
	"bufio"
	"database/sql"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"vigie/receiver/store/sqlite"

	"github.com/mattn/go-sqlite3"
)

const killedIn = "VIGIE_TEST_KILLED_IN_MIGRATION"

// A process that is killed in the middle of a schema step leaves the schema
// before it, whole, and the next start brings it up to date.
func TestKilledDuringMigration(t *testing.T) {
	if path := os.Getenv(killedIn); path != "" {
		migrateAndHang(t, path)
		return
	}
	path := filepath.Join(t.TempDir(), "a.db")
	cmd := exec.Command(os.Args[0], "-test.run=^TestKilledDuringMigration$")
	cmd.Env = append(os.Environ(), killedIn+"="+path)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // it reports the kill
	if err != nil || line != "in the middle\n" {
		t.Fatalf("the child said %q, %v", line, err)
	}
	db, err := sql.Open("sqlite3", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var version, half int
	err = db.QueryRow(`SELECT (SELECT user_version FROM pragma_user_version), (SELECT COUNT(*) FROM sqlite_master WHERE name IN ('half', 'unsealed'))`).Scan(&version, &half)
	if err != nil || version != 1 || half != 0 {
		t.Errorf("schema %d with %d half tables, %v", version, half, err)
	}
	s, err := Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	err = s.View(t.Context(), func(tx *Tx) error {
		if v, err := tx.Value("from"); err != nil || v != "schema 1" {
			t.Errorf("fact %q, %v", v, err)
		}
		_, err := tx.journal().Heads(`SELECT chain, length, head FROM unsealed`)
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

// migrateAndHang makes a database of schema 1 and stops for ever in the middle
// of the second step, with its pages already written.
func migrateAndHang(t *testing.T, path string) {
	sql.Register("sqlite3_that_hangs", &sqlite3.SQLiteDriver{ConnectHook: func(c *sqlite3.SQLiteConn) error {
		return c.RegisterFunc("hang", func() int {
			_, _ = os.Stdout.WriteString("in the middle\n")
			select {}
		}, false)
	}})
	first, err := migrations.ReadFile("migrations/0001.sql")
	if err != nil {
		t.Fatal(err)
	}
	second, err := migrations.ReadFile("migrations/0002.sql")
	if err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("sqlite3_that_hangs", sqlite.DSN(path, "rwc")+"&_cache_size=-64")
	if err != nil {
		t.Fatal(err)
	}
	c, err := db.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	steps := fstest.MapFS{"migrations/0001.sql": {Data: append(first, "INSERT INTO fact VALUES ('from', 'schema 1');"...)}}
	if err := sqlite.Migrate(t.Context(), c, steps); err != nil {
		t.Fatal(err)
	}
	steps["migrations/0002.sql"] = &fstest.MapFile{Data: append(second, strings.Join([]string{
		`CREATE TABLE half (x TEXT);`,
		`INSERT INTO half SELECT hex(randomblob(500)) FROM (WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000) SELECT i FROM n);`,
		`SELECT hang();`,
	}, "\n")...)}
	t.Fatal(sqlite.Migrate(t.Context(), c, steps))
}
