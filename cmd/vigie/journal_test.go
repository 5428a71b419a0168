package main

import (
	"database/sql"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"

	"vigie/receiver/smtpsink"
	"vigie/receiver/store"
)

func (i *install) file(name string) string { return filepath.Join(i.dir, name) }

// story lets a machine fail and waits for the mail about it.
func (i *install) story(machine string) {
	i.t.Helper()
	if err := i.post(machine); err != nil {
		i.t.Fatal(err)
	}
	if _, err := i.sink.Wait(i.t.Context(), func(m smtpsink.Message) bool { return strings.Contains(m.Text, machine) }); err != nil {
		i.t.Fatal(err)
	}
}

// The evidence is examined, exported and copied while the receiver runs; what
// is changed on disk is named; a backup brings everything back.
func TestJournalAndStore(t *testing.T) {
	i := newInstall(t)
	i.start()
	i.story("SRV-AD")
	config := "--config.file=" + i.file("vigie.yml")

	if out := i.vigie(1, "serve", config); !strings.Contains(out, "is in use by another vigie: stop that one first") {
		t.Errorf("a second start:\n%s", out)
	}
	if out := i.vigie(0, "journal", "verify", config); !regexp.MustCompile(`[1-9]\d* lines in \d+ chains, 1 payloads, 1 messages`).MatchString(out) {
		t.Errorf("verify:\n%s", out)
	}
	var v store.Verification
	if err := json.Unmarshal([]byte(i.vigie(0, "journal", "verify", config, "--output=json")), &v); err != nil || v.Lines == 0 {
		t.Errorf("verify --output=json: %+v, %v", v, err)
	}
	for _, narrow := range [][]string{nil, {"--incident=1"}, {"--customer=dupont", "--from=2026-01-01"}} {
		lines := strings.SplitSeq(strings.TrimSpace(i.vigie(0, append([]string{"journal", "export", config}, narrow...)...)), "\n")
		for l := range lines {
			var e store.Exported
			if err := json.Unmarshal([]byte(l), &e); err != nil || e.Hash == nil || e.Machine != "SRV-AD" && e.Chain != "system" {
				t.Errorf("export %v: %s (%v)", narrow, l, err)
			}
		}
	}
	for _, none := range []string{"--incident=7", "--customer=martin", "--to=2020-01-01"} {
		if out := i.vigie(0, "journal", "export", config, none); out != "" {
			t.Errorf("export %s:\n%s", none, out)
		}
	}
	rows, err := csv.NewReader(strings.NewReader(i.vigie(0, "journal", "export", config, "--format=csv", "--incident=1"))).ReadAll()
	if err != nil || len(rows) < 2 || !slices.Contains(rows[0], "at_local") || rows[1][0] != "i1" || rows[1][10] != "SRV-AD" {
		t.Errorf("export --format=csv: %v, %v", rows, err)
	}
	if out := i.vigie(0, "journal", "export", config, "--format=excel", "--incident=1"); !strings.HasPrefix(out, "\ufeffincident;line;") || !strings.Contains(out, "\r\n") {
		t.Errorf("export --format=excel: %.80q", out)
	}
	i.vigie(1, "journal", "export", config, "--from=monday")
	i.vigie(0, "store", "backup", config, i.file("copy.db"))
	if out := i.vigie(1, "store", "restore", config, i.file("copy.db")); !strings.Contains(out, "in use by another vigie") {
		t.Errorf("restore under a running receiver:\n%s", out)
	}
	i.story("NAS-01")
	if err := i.end(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	i.restored(config)
}

func (i *install) restored(config string) {
	t := i.t
	t.Helper()
	db, err := sql.Open("sqlite3", i.file("vigie.db"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.Exec(`UPDATE journal SET reason = 'all was well' WHERE chain = 'i2' AND line = 2`); err != nil {
		t.Fatal(err)
	}
	db.Close()
	if out := i.vigie(1, "journal", "verify", config); !strings.Contains(out, "i2 line 2: was changed") || !strings.Contains(out, "not what was written") {
		t.Errorf("verify after a change on disk:\n%s", out)
	}
	out := i.vigie(0, "store", "restore", config, i.file("copy.db"))
	kept := regexp.MustCompile(`kept as (\S+)`).FindStringSubmatch(out)
	if kept == nil {
		t.Fatalf("restore:\n%s", out)
	}
	i.vigie(1, "journal", "verify", "--database="+kept[1])
	i.vigie(0, "journal", "verify", config)
	i.start()
	if m := i.machines(); len(m) != 1 || m["SRV-AD"] != 1 {
		t.Errorf("after the restore: %v", m)
	}
	i.story("PC-LEA") // and it goes on
	if err := i.end(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if out := i.vigie(0, "journal", "export", config, "--incident=system"); !strings.Contains(out, "restored from a backup") {
		t.Errorf("the restore is not in the journal:\n%s", out)
	}
	i.vigie(0, "journal", "verify", config)
}

func TestEraseVerb(t *testing.T) {
	i := newInstall(t)
	i.start()
	i.story("SRV-AD")
	config := "--config.file=" + i.file("vigie.yml")
	i.vigie(1, "journal", "erase", config, "adm1") // it runs
	i.vigie(0, i.client("act", "note", "1", "note=called by Jean Durand")...)
	if err := i.end(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if out := i.vigie(1, "journal", "erase", config, "sup"); !strings.Contains(out, "open incident i1") {
		t.Errorf("erase of somebody who is needed:\n%s", out)
	}
	i.start()
	i.vigie(0, i.client("act", "close", "1", "reason=tried out")...)
	if err := i.end(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	var done store.Erasure
	text := i.vigie(0, "journal", "erase", config, "adm1", "--also=Jean Durand", "--output=json")
	if err := json.Unmarshal([]byte(text), &done); err != nil || done.Texts == 0 || done.Pseudonym == "" {
		t.Errorf("erase: %s, %v", text, err)
	}
	out := i.vigie(0, "journal", "export", config)
	if strings.Contains(out, "Jean Durand") || !strings.Contains(out, done.Pseudonym) {
		t.Errorf("after the erasure:\n%s", out)
	}
	i.vigie(0, "journal", "verify", config)
	content, err := os.ReadFile(i.file("vigie.db"))
	if err != nil || strings.Contains(string(content), "Jean Durand") {
		t.Errorf("the name is still in the file (%v)", err)
	}
}

func TestInert(t *testing.T) {
	for in, want := range map[string]string{"": "", "a": "a", "=1+1": "'=1+1", "-x": "'-x", "@x": "'@x", "+x": "'+x", "\tx": "'\tx"} {
		if got := inert(in); got != want {
			t.Errorf("inert(%q) = %q", in, got)
		}
	}
}

// Whatever the moment of a kill, the journal is whole: lines, heads, payloads
// and seals are written in one transaction or not at all.
func TestJournalSurvivesKills(t *testing.T) {
	i := newInstall(t)
	config := "--config.file=" + i.file("vigie.yml")
	accepted := 0
	for round := range 3 {
		i.start()
		done, each := make(chan int), make(chan struct{}, 4)
		for c := range 4 {
			go func() {
				n := 0
				for i.post(fmt.Sprintf("M-%d-%d-%d", round, c, n)) == nil {
					n++
					select {
					case each <- struct{}{}:
					default:
					}
				}
				done <- n
			}()
		}
		for range 100 {
			<-each
		}
		_ = i.end(syscall.SIGKILL) // it reports the signal
		for range 4 {
			accepted += <-done
		}
		var v store.Verification
		if err := json.Unmarshal([]byte(i.vigie(0, "journal", "verify", config, "--output=json")), &v); err != nil {
			t.Fatal(err)
		}
		if v.Payloads < accepted || accepted == 0 {
			t.Errorf("%d payloads kept, %d accepted", v.Payloads, accepted)
		}
		t.Logf("%d accepted, examined %+v", accepted, v)
	}
}
