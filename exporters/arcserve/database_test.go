package arcserve

import (
	"database/sql"
	"errors"
	"fmt"
	"io"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"

	_ "github.com/mattn/go-sqlite3"
	mssql "github.com/microsoft/go-mssqldb"

	"vigie/exporters"
	"vigie/exporters/sourcetest"
)

// schema is the part of the console's database that published programs use.
const schema = `
CREATE TABLE as_edge_d2dJobHistory_lastJob (jobId BIGINT, jobType BIGINT, jobMethod BIGINT, jobStatus BIGINT, productType INT,
  jobUTCStartTime DATETIME, jobUTCEndTime DATETIME, jobLocalStartTime DATETIME, jobLocalEndTime DATETIME, serverId INT, agentId INT, planUUID TEXT);
CREATE TABLE as_edge_policy (uuid TEXT, name TEXT);
CREATE TABLE as_edge_host (rhostid INT, rhostname TEXT);
CREATE TABLE as_edge_vsphere_entity_host_map (entityId INT, hostId INT);
CREATE TABLE as_edge_vsphere_vm_detail (entityId INT, vmname TEXT);
INSERT INTO as_edge_policy VALUES ('3F2504E0-4F89-11D3-9A0C-0305E82C3301', 'Sauvegarde quotidienne'), ('3F2504E0-4F89-11D3-9A0C-0305E82C3302', 'Machines virtuelles "été"');
INSERT INTO as_edge_host VALUES (1, 'SRV-COMPTABILITÉ'), (2, 'srv-file'), (3, ''), (4, 'srv-file'), (5, 'バックアップ');
INSERT INTO as_edge_vsphere_entity_host_map VALUES (31, 3), (32, 3);
INSERT INTO as_edge_vsphere_vm_detail VALUES (31, 'VM Messagerie'), (32, 'VM Messagerie');`

const (
	daily   = "3F2504E0-4F89-11D3-9A0C-0305E82C3301"
	virtual = "3F2504E0-4F89-11D3-9A0C-0305E82C3302"
)

type dbBench struct {
	bench
	db     *sql.DB
	config *Config
	serial int
}

func newDBBench(t *testing.T, change func(*Config)) *dbBench {
	t.Helper()
	b := &dbBench{bench: newBench(t)}
	var err error
	b.db, err = sql.Open("sqlite3", "file:"+filepath.Join(t.TempDir(), "arcserveUDP.db")+"?_busy_timeout=5000")
	sourcetest.Check(t, err)
	t.Cleanup(func() { _ = b.db.Close() })
	b.exec(schema)
	b.config = &Config{Customer: "dupont", CustomerName: "Dupont SA", Timezone: "Europe/Paris", JobStatuses: map[int]string{0: "Active", 2: "Canceled", 3: "Failed", 9: "Missed"},
		Console: &Console{Server: "udp.dupont.example", User: "vigie", PasswordFile: sourcetest.SecretFile(t, password)}}
	if change != nil {
		change(b.config)
	}
	sourcetest.Check(t, b.config.Validate(""))
	b.start()
	return b
}

// start begins anew with the state that was saved, like a restarted process.
func (b *dbBench) start() {
	b.T.Helper()
	b.poll(newConsole(b.config, b.db, func(error) exporters.Reason { return exporters.ReasonOther }, b.SourceOptions()))
}

func (b *dbBench) exec(text string, args ...any) {
	b.T.Helper()
	_, err := b.db.Exec(text, args...)
	sourcetest.Check(b.T, err)
}

// ran puts a job that ended now, after ten minutes, into the history.
func (b *dbBench) ran(agent, jobType, status int, plan any) {
	b.T.Helper()
	b.row(agent, jobType, status, plan, b.Clock.Now().Add(-10*time.Minute), b.Clock.Now())
}

func (b *dbBench) row(agent, jobType, status any, plan, start, end any) {
	b.T.Helper()
	b.serial++
	b.exec(`INSERT INTO as_edge_d2dJobHistory_lastJob (jobId, jobType, jobStatus, agentId, planUUID, jobUTCStartTime, jobUTCEndTime) VALUES (?, ?, ?, ?, ?, ?, ?)`,
		b.serial, jobType, status, agent, plan, start, end)
}

func TestDatabaseGolden(t *testing.T) {
	b := newDBBench(t, nil)
	b.ran(1, 0, 1, daily)
	b.ran(2, 0, 1, daily)
	b.ran(4, 0, 3, daily)
	b.ran(3, 3, 1, virtual)
	b.Clock.Advance(23 * time.Hour)
	b.ran(1, 0, 3, daily)
	b.row(3, 3, 0, virtual, b.Clock.Now(), nil)
	b.ran(1, 11, 1, daily)  // a catalog
	b.ran(5, 22, 1, daily)  // a replication: no backup of the node
	b.ran(2, 99, 1, daily)  // a type that nobody named
	b.ran(5, 0, 77, nil)    // a status that nobody named
	b.ran(6, 0, 2, virtual) // a node that is not in the list of hosts
	b.row(7, 0, 9, daily, b.Clock.Now(), nil)
	b.Clock.Advance(5 * time.Minute)
	b.Refresh()
	b.Golden("database.prom")
}

// Two nodes of one name are two jobs, and a machine that stands twice in the
// virtual machines' table is one.
func TestDatabaseNames(t *testing.T) {
	b := newDBBench(t, nil)
	b.ran(2, 0, 1, daily)
	b.ran(4, 0, 3, daily)
	b.ran(3, 3, 1, virtual)
	b.ran(5, 0, 1, nil)
	b.Refresh()
	jobs := b.Poller.View().Jobs
	if len(jobs) != 4 || jobs[0].ID != "2/"+strings.ToLower(daily) || jobs[2].ID != "4/"+strings.ToLower(daily) {
		t.Fatalf("%+v", jobs)
	}
	if jobs[0].Machine != jobs[2].Machine || jobs[0].LastResult != exporters.Success || jobs[2].LastResult != exporters.Failed {
		t.Errorf("one hides the other: %+v", jobs)
	}
	if j := b.Job("VM Messagerie"); j.ObjectType != "VM_BACKUP" || j.Plan != `Machines virtuelles "été"` {
		t.Errorf("%+v", j)
	}
	if j := b.Job("バックアップ"); j.ID != "5/no-plan" || j.Plan != "no plan" {
		t.Errorf("%+v", j)
	}
	if b.unknown("duplicate_job_id") != 0 {
		t.Error("a machine comes twice")
	}
}

// A number that nobody named is result 0, counted once, and never a success.
func TestDatabaseUnknownStatus(t *testing.T) {
	b := newDBBench(t, func(c *Config) { c.JobStatuses = nil })
	b.ran(1, 0, 1, daily)
	b.Refresh()
	success := b.Clock.Now()
	b.Clock.Advance(24 * time.Hour)
	b.ran(1, 0, 3, daily)
	b.Refresh()
	b.Refresh()
	if j := b.Job("SRV-COMPTABILITÉ"); j.LastResult != exporters.Unknown || !j.LastSuccess.Equal(success) || !strings.Contains(j.Error, "status 3") {
		t.Errorf("%s, success %v, %q", j.LastResult, j.LastSuccess, j.Error)
	}
	b.row(1, 0, nil, daily, b.Clock.Now(), b.Clock.Now().Add(time.Minute))
	b.Clock.Advance(time.Minute)
	b.Refresh()
	if j := b.Job("SRV-COMPTABILITÉ"); j.LastResult != exporters.Unknown || !j.LastSuccess.Equal(success) {
		t.Errorf("no status at all: %s", j.LastResult)
	}
	if n := b.unknown("job_status"); n != 2 {
		t.Errorf("counted %d times, want once a value", n)
	}
}

func TestDatabaseRunningKeepsThePreviousResult(t *testing.T) {
	for name, status := range map[string]int{"known as active": 0, "unknown, without an end": 55} {
		t.Run(name, func(t *testing.T) {
			b := newDBBench(t, nil)
			b.ran(1, 0, 3, daily)
			b.Refresh()
			b.Clock.Advance(time.Hour)
			since := b.Clock.Now()
			b.row(1, 0, status, daily, since, nil)
			// It runs for days, over complete and partial listings.
			for range 20 {
				b.Refresh()
				j := b.Job("SRV-COMPTABILITÉ")
				if !j.Running || !j.RunningSince.Equal(since) || j.LastResult != exporters.Failed || j.Failures != 1 {
					t.Fatalf("running %v since %v, %s, %d failures", j.Running, j.RunningSince, j.LastResult, j.Failures)
				}
				b.Clock.Advance(50 * time.Minute)
			}
			b.exec(`UPDATE as_edge_d2dJobHistory_lastJob SET jobStatus = 1, jobUTCEndTime = ? WHERE jobId = 2`, b.Clock.Now())
			b.Refresh()
			if j := b.Job("SRV-COMPTABILITÉ"); j.Running || j.LastResult != exporters.Success || !j.LastSuccess.Equal(b.Clock.Now()) {
				t.Errorf("running %v, %s, success %v", j.Running, j.LastResult, j.LastSuccess)
			}
		})
	}
}

// Between complete listings only what may have changed is read, and nothing
// vanishes; after one, what is gone is gone.
func TestDatabaseIncremental(t *testing.T) {
	b := newDBBench(t, func(c *Config) { c.Console.Overlap = exporters.Duration(time.Hour) })
	b.ran(2, 0, 1, daily)
	b.Clock.Advance(72 * time.Hour)
	b.ran(1, 0, 1, daily)
	b.Refresh()
	c := b.source.way.(*console)
	read := func() int {
		t.Helper()
		rows, err := c.readOnce(t.Context(), c.known.since(time.Duration(b.config.Console.Overlap)))
		sourcetest.Check(t, err)
		return len(rows)
	}
	if n := read(); n != 1 {
		t.Errorf("%d rows are read again, want the newest alone", n)
	}
	b.exec(`DELETE FROM as_edge_d2dJobHistory_lastJob WHERE agentId = 2`)
	b.Clock.Advance(10 * time.Minute)
	b.ran(1, 0, 3, daily)
	for range exporters.DefaultGrace + 3 {
		b.Refresh()
	}
	if len(b.Poller.View().Jobs) != 2 || b.Job("SRV-COMPTABILITÉ").LastResult != exporters.Failed {
		t.Errorf("%+v", b.Poller.View().Jobs)
	}
	b.Clock.Advance(time.Hour) // the next listing is complete
	for range exporters.DefaultGrace + 1 {
		b.Refresh()
	}
	if n := len(b.Poller.View().Jobs); n != 1 {
		t.Errorf("%d jobs after a complete listing without one", n)
	}
}

func TestDatabaseRestartKeepsTheLastSuccess(t *testing.T) {
	b := newDBBench(t, nil)
	b.ran(1, 0, 1, daily)
	success := b.Clock.Now()
	b.Refresh()
	sourcetest.Check(t, b.Poller.Save())
	b.exec(`DELETE FROM as_edge_d2dJobHistory_lastJob`)
	b.Clock.Advance(24 * time.Hour)
	b.ran(1, 0, 3, daily)
	b.start()
	if !b.Job("SRV-COMPTABILITÉ").LastSuccess.Equal(success) {
		t.Error("the last success is not known before the first reading")
	}
	b.Refresh()
	if j := b.Job("SRV-COMPTABILITÉ"); !j.LastSuccess.Equal(success) || j.LastResult != exporters.Failed || j.Failures != 1 {
		t.Errorf("success %v, %s, %d failures", j.LastSuccess, j.LastResult, j.Failures)
	}
}

// A failed run and the run that makes up for it are two runs; the same rows
// read again are not.
func TestDatabaseRetry(t *testing.T) {
	b := newDBBench(t, nil)
	b.ran(1, 0, 3, daily)
	for range 3 {
		b.Refresh()
	}
	if j := b.Job("SRV-COMPTABILITÉ"); j.Failures != 1 {
		t.Errorf("%d failures, want 1", j.Failures)
	}
	b.Clock.Advance(15 * time.Minute)
	b.ran(1, 0, 1, daily)
	b.Refresh()
	if j := b.Job("SRV-COMPTABILITÉ"); j.Failures != 0 || j.LastResult != exporters.Success || j.Error != "" {
		t.Errorf("%s, %d failures, %q", j.LastResult, j.Failures, j.Error)
	}
}

// A node that went over to another plan leaves the old one in the history.
func TestDatabaseForgetsPlansThatANodeLeft(t *testing.T) {
	b := newDBBench(t, func(c *Config) { c.Console.ForgetPlansAfter = exporters.Duration(48 * time.Hour) })
	b.ran(1, 0, 1, daily)
	b.ran(2, 0, 1, daily)
	for range 3 {
		b.Clock.Advance(24 * time.Hour)
		b.ran(1, 0, 1, virtual)
		for range exporters.DefaultGrace + 1 {
			b.Refresh()
		}
	}
	jobs := b.Poller.View().Jobs
	if len(jobs) != 2 || b.Job("SRV-COMPTABILITÉ").Plan == "Sauvegarde quotidienne" || b.Job("srv-file").Plan != "Sauvegarde quotidienne" {
		t.Errorf("%+v", jobs)
	}
}

// Wall clocks are read in the configured zone, and only where there is no
// instant in UTC.
func TestDatabaseTimes(t *testing.T) {
	b := newDBBench(t, nil)
	end := time.Date(2026, 3, 9, 5, 30, 0, 0, time.UTC)
	b.exec(`INSERT INTO as_edge_d2dJobHistory_lastJob (jobId, jobType, jobStatus, agentId, planUUID, jobLocalStartTime, jobLocalEndTime) VALUES (1, 0, 1, 1, ?, '2026-03-09 06:00:00', '2026-03-09 06:30:00')`, daily)
	b.exec(`INSERT INTO as_edge_d2dJobHistory_lastJob (jobId, jobType, jobStatus, agentId, planUUID, jobUTCStartTime, jobUTCEndTime, jobLocalStartTime, jobLocalEndTime)
		VALUES (2, 0, 1, 2, ?, '2026-03-09 05:00:00', '2026-03-09 05:30:00', '2026-03-09 14:00:00', '2026-03-09 14:30:00')`, daily)
	b.row(3, 3, 1, virtual, "1900-01-01 00:00:00", "1900-01-01 00:00:00") // never
	b.row(5, 0, 1, daily, "gestern", "soon")
	b.Refresh()
	for _, m := range []string{"SRV-COMPTABILITÉ", "srv-file"} {
		if j := b.Job(m); !j.LastSuccess.Equal(end) || j.LastDuration != 30*time.Minute {
			t.Errorf("%s: success %v after %v", m, j.LastSuccess, j.LastDuration)
		}
	}
	for _, m := range []string{"VM Messagerie", "バックアップ"} {
		if j := b.Job(m); !j.LastSuccess.IsZero() || j.LastResult != exporters.Unknown {
			t.Errorf("%s: success %v, %s, though nothing tells when", m, j.LastSuccess, j.LastResult)
		}
	}
	if b.unknown("job_time") == 0 {
		t.Error("instants that cannot be read are not counted")
	}
}

func TestDatabaseCustomers(t *testing.T) {
	b := newDBBench(t, func(c *Config) {
		c.Customer, c.CustomerName = "", ""
		c.Customers = map[string]string{daily: "garage-martin"}
	})
	b.ran(1, 0, 1, daily)
	b.ran(3, 3, 1, virtual)
	b.Refresh()
	if j := b.Job("SRV-COMPTABILITÉ"); j.Customer != "garage-martin" {
		t.Errorf("customer %q", j.Customer)
	}
	if j := b.Job("VM Messagerie"); j.Customer != "machines-virtuelles-ete" {
		t.Errorf("customer %q", j.Customer)
	}
	b.exec(`UPDATE as_edge_policy SET name = 'Renamed' WHERE uuid = ?`, virtual)
	b.Clock.Advance(2 * time.Hour)
	b.Refresh()
	if j := b.Job("VM Messagerie"); j.Customer != "machines-virtuelles-ete" || j.Plan != "Renamed" {
		t.Errorf("after a renaming: customer %q, plan %q", j.Customer, j.Plan)
	}
}

func TestDatabaseFailuresKeepTheOldSnapshot(t *testing.T) {
	b := newDBBench(t, func(c *Config) { c.Console.MaxRows = 3 })
	b.ran(1, 0, 1, daily)
	b.Refresh()
	before := b.Poller.View()
	for range 4 {
		b.ran(2, 0, 1, daily)
	}
	if err := b.Fails(); exporters.ReasonOf(err) != exporters.ReasonIncomplete || !strings.Contains(err.Error(), "max_rows") {
		t.Errorf("too many rows: %v", err)
	}
	b.exec(`DROP TABLE as_edge_policy`)
	_ = b.Fails()
	after := b.Poller.View()
	if after.Up || !after.LastRefresh.Equal(before.LastRefresh) || len(after.Jobs) != len(before.Jobs) {
		t.Errorf("up %v, refreshed %v, %d jobs", after.Up, after.LastRefresh, len(after.Jobs))
	}
}

func TestSQLServerProblems(t *testing.T) {
	for number, want := range map[int32]exporters.Reason{18456: exporters.ReasonAuth, 229: exporters.ReasonForbidden, 4060: exporters.ReasonForbidden,
		208: exporters.ReasonNotFound, 1205: exporters.ReasonServer, 8134: exporters.ReasonOther} {
		if got := sqlServerProblem(fmt.Errorf("x: %w", mssql.Error{Number: number})); got != want {
			t.Errorf("%d: %s, want %s", number, got, want)
		}
	}
}

func TestGUIDs(t *testing.T) {
	id := mssql.UniqueIdentifier{0x3F, 0x25, 0x04, 0xE0, 0x4F, 0x89, 0x11, 0xD3, 0x9A, 0x0C, 0x03, 0x05, 0xE8, 0x2C, 0x33, 0x01}
	wire, err := id.Value()
	sourcetest.Check(t, err)
	if got := textOf(wire); got != strings.ToLower(daily) || got != strings.ToLower(id.String()) {
		t.Errorf("%s", got)
	}
}

func TestDriverSettings(t *testing.T) {
	d := &Console{Server: "udp.dupont.example", User: `vigie@1;x`, PasswordFile: sourcetest.SecretFile(t, password)}
	sourcetest.Check(t, (&Config{Customer: "d", Console: d}).Validate(""))
	c, err := d.driverConfig("backup_exporter/test")
	sourcetest.Check(t, err)
	if c.Host != "udp.dupont.example" || c.Instance != "ARCSERVE_APP" || c.Port != 0 || c.Database != "arcserveUDP" || c.User != `vigie@1;x` || c.Password != "" ||
		c.Encryption != 1 || c.TLSConfig == nil || c.TLSConfig.InsecureSkipVerify || c.TrustServerCertificate || c.TLSConfig.ServerName != "udp.dupont.example" ||
		c.AppName != "backup_exporter/test" || !c.ReadOnlyIntent || c.DialTimeout != 15*time.Second || len(c.Protocols) != 1 || c.Protocols[0] != "tcp" {
		t.Errorf("%+v", c)
	}
	source, err := New(&Config{Console: d}, exporters.SourceOptions{Now: time.Now, UserAgent: "x"})
	sourcetest.Check(t, err) // nothing is sent before the first reading
	sourcetest.Check(t, source.Close())
	d.TLS.ServerName, d.Port = "SSL_Self_Signed_Fallback", 50123
	if c, err = d.driverConfig("x"); err != nil || c.TLSConfig.ServerName != "SSL_Self_Signed_Fallback" || !c.HostInCertificateProvided || c.Port != 50123 {
		t.Errorf("%+v, %v", c, err)
	}
}

// A server without encryption is not told the password.
func TestPasswordNeedsEncryption(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	sourcetest.Check(t, err)
	defer l.Close()
	said := make(chan []byte, 16)
	go func() {
		defer close(said)
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			said <- prelogin(conn)
		}
	}()
	c := &Config{Customer: "d", Console: &Console{Server: "127.0.0.1", Port: l.Addr().(*net.TCPAddr).Port, User: "vigie", PasswordFile: sourcetest.SecretFile(t, password)}}
	sourcetest.Check(t, c.Validate(""))
	b := newBench(t)
	db, err := openSQLServer(c.Console, "backup_exporter/test")
	sourcetest.Check(t, err)
	b.poll(newConsole(c, db, sqlServerProblem, b.SourceOptions()))
	if err := b.Fails(); !strings.Contains(err.Error(), "encryption") || strings.Contains(err.Error(), password) {
		t.Errorf("%v", err)
	}
	sourcetest.Check(t, b.source.Close())
	sourcetest.Check(t, l.Close())
	for rest := range said {
		if len(rest) > 0 {
			t.Errorf("%d bytes after the refusal", len(rest))
		}
	}
	if err := b.Fails(); strings.Contains(err.Error(), password) {
		t.Errorf("%v", err)
	}
}

// prelogin answers a client's first packet with "no encryption" and gives
// what the client says after that.
func prelogin(conn net.Conn) []byte {
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
	head := make([]byte, 8)
	if _, err := io.ReadFull(conn, head); err != nil {
		return nil
	}
	if _, err := io.CopyN(io.Discard, conn, int64(head[2])<<8+int64(head[3])-8); err != nil {
		return nil
	}
	options := []byte{0, 0, 11, 0, 6, 1, 0, 17, 0, 1, 0xff, 16, 0, 0, 0, 0, 0, 2}
	packet := append([]byte{4, 1, 0, byte(8 + len(options)), 0, 0, 1, 0}, options...)
	if _, err := conn.Write(packet); err != nil {
		return nil
	}
	rest, _ := io.ReadAll(conn)
	return rest
}

func TestUnreachableServer(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	sourcetest.Check(t, err)
	port := l.Addr().(*net.TCPAddr).Port
	sourcetest.Check(t, l.Close())
	c := &Config{Customer: "d", Console: &Console{Server: "127.0.0.1", Port: port, User: "vigie", PasswordFile: sourcetest.SecretFile(t, password)}}
	sourcetest.Check(t, c.Validate(""))
	b := newBench(t)
	db, err := openSQLServer(c.Console, "x")
	sourcetest.Check(t, err)
	b.poll(newConsole(c, db, sqlServerProblem, b.SourceOptions()))
	if err := b.Fails(); exporters.ReasonOf(err) != exporters.ReasonUnreachable {
		t.Errorf("%v", err)
	}
	if exporters.ReasonOf(sqlDeadline(t, b)) != exporters.ReasonTimeout {
		t.Error("a late answer is not a timeout")
	}
}

func sqlDeadline(t *testing.T, b bench) error {
	c := b.source.way.(*console)
	err := c.failed(t.Context(), errors.Join(errors.New("x"), &net.OpError{Op: "read", Err: timeout{}}))
	return err
}

type timeout struct{}

func (timeout) Error() string   { return "i/o timeout" }
func (timeout) Timeout() bool   { return true }
func (timeout) Temporary() bool { return true }
