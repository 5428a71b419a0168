package main

import (
	"bufio"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestUpgrades installs this build over each earlier one that is kept: its
// configuration is still in order, its database opens and goes on, its open
// incidents can be acted on under the policy that they pinned, and every line of
// its journal is there, under the same hash, and verifies.
func TestUpgrades(t *testing.T) {
	folders, err := filepath.Glob("testdata/upgrades/milestone-*")
	if err != nil || len(folders) < 3 {
		t.Fatalf("%d earlier builds are kept: %v", len(folders), err)
	}
	for _, folder := range folders {
		t.Run(filepath.Base(folder), func(t *testing.T) {
			i := upgraded(t, folder)
			i.vigie(0, "check", "--secrets", "--config.file="+i.file("vigie.yml"))
			i.start()
			if out := i.vigie(0, i.client("incidents", "--ended")...); !strings.Contains(out, "SRV-AD") || !strings.Contains(out, "NAS-01") || !strings.Contains(out, "PC-LEA") {
				t.Errorf("incidents of before:\n%s", out)
			}
			for _, name := range []string{"SRV-AD", "PC-LEA"} {
				i.vigie(0, i.client("explain", name)...)
			}
			if out := i.vigie(0, i.client("act", "note", "SRV-AD", "note=after the upgrade")...); !strings.Contains(out, "i1") {
				t.Errorf("an act after the upgrade: %s", out)
			}
			if err := i.end(os.Interrupt); err != nil {
				t.Fatal(err)
			}
			i.vigie(0, "journal", "verify", "--config.file="+i.file("vigie.yml"))
			now := hashes(t, strings.NewReader(i.vigie(0, "journal", "export", "--config.file="+i.file("vigie.yml"))))
			f, err := os.Open(filepath.Join(folder, "journal.jsonl"))
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			before := hashes(t, f)
			if len(now) <= len(before) {
				t.Errorf("%d lines of the journal, of which %d are of before", len(now), len(before))
			}
			for _, h := range before {
				if !slices.Contains(now, h) {
					t.Errorf("the journal has lost or changed the line %s", h)
				}
			}
		})
	}
}

// upgraded is an earlier build's installation in a folder of its own.
func upgraded(t *testing.T, folder string) *install {
	t.Helper()
	i := &install{t: t, dir: t.TempDir()}
	if err := os.CopyFS(i.dir, os.DirFS(folder)); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(i.file("secrets"), 0o700); err != nil {
		t.Fatal(err)
	}
	packed, err := os.Open(filepath.Join(folder, "vigie.db.gz"))
	if err != nil {
		t.Fatal(err)
	}
	defer packed.Close()
	r, err := gzip.NewReader(packed)
	if err != nil {
		t.Fatal(err)
	}
	db, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	i.write("vigie.db", string(db))
	sum := sha256.Sum256([]byte(adm1Token))
	i.write("secrets/webhook.token", hookToken+"\n")
	i.write("secrets/tokens", "adm1 "+hex.EncodeToString(sum[:])+"\n")
	i.write("secrets/links.key", strings.Repeat("0123456789abcdef", 4)+"\n")
	i.write("adm1.token", adm1Token+"\n")
	text, err := os.ReadFile(i.file("vigie.yml"))
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(string(text), "\n")
	for n, l := range lines {
		if strings.HasPrefix(l, "listen:") {
			lines[n] = "listen: 127.0.0.1:0"
		}
	}
	// Kept for longer than this test will be run.
	i.write("vigie.yml", strings.Join(lines, "\n")+"\ntimings: {retention: 876000h}\n")
	return i
}

// hashes are those of a journal's lines.
func hashes(t *testing.T, r io.Reader) []string {
	t.Helper()
	var out []string
	s := bufio.NewScanner(r)
	s.Buffer(nil, 1<<20)
	for s.Scan() {
		var l struct {
			Hash string `json:"hash"`
		}
		if err := json.Unmarshal(s.Bytes(), &l); err != nil || l.Hash == "" {
			t.Fatalf("not a line of a journal: %s (%v)", s.Text(), err)
		}
		out = append(out, l.Hash)
	}
	return out
}
