package main

import (
	"context"
	"encoding/pem"
	"io"
	"log/slog"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"vigie/exporters"
	"vigie/exporters/resticrepo"
)

// unread is a source that never answers.
type unread struct{}

func (unread) Fetch(ctx context.Context) (exporters.Snapshot, error) {
	<-ctx.Done()
	return exporters.Snapshot{}, ctx.Err()
}

// A machine that the inventory maps is never shown under its product's name:
// not right after a start, and not from what was stored before it was mapped.
func TestNoRawNameAfterAStart(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := filepath.Join(dir, "inventory.yml")
	if err := os.WriteFile(file, []byte("machines:\n  - {customer: dupont, name: AD-PARIS, class: nas, aliases: [srv-ad]}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	inventory, err := exporters.LoadInventory([]string{file})
	if err != nil {
		t.Fatal(err)
	}
	begin := func(source exporters.Source, inventory *exporters.Inventory, until string) string {
		t.Helper()
		h := newManager(filepath.Join(dir), slog.New(slog.NewTextHandler(io.Discard, nil)))
		in := instance{common: common{Name: "s", PollInterval: exporters.Duration(time.Hour), Timeout: exporters.Duration(time.Minute)}, engine: "test", source: source}
		defer h.close()
		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		if err := h.apply(ctx, configuration{sources: []instance{in}, inventory: inventory}); err != nil {
			t.Fatal(err)
		}
		for range 1000 {
			w := httptest.NewRecorder()
			h.exposition(nil).ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
			text := w.Body.String()
			if inventory != nil && strings.Contains(text, `machine="SRV-AD"`) {
				t.Fatalf("the product's name is shown:\n%s", text)
			}
			if strings.Contains(text, until) {
				return text
			}
			time.Sleep(5 * time.Millisecond)
		}
		t.Fatalf("%s was never shown", until)
		return ""
	}
	for range 20 { // a start is a race between the first reading and the inventory
		begin(&reading{}, inventory, `backup_source_up{source="s"} 1`)
		if err := os.Remove(filepath.Join(dir, "s.json")); err != nil {
			t.Fatal(err)
		}
	}
	begin(&reading{}, nil, `machine="SRV-AD"`)
	text := begin(unread{}, inventory, `machine="AD-PARIS"`)
	if !strings.Contains(text, `machine_class="nas"`) {
		t.Error("the class is not the inventory's")
	}
}

// File names are relative to the file they stand in, whatever folder the
// program is started in.
func TestFileNamesAreRelativeToTheirFile(t *testing.T) {
	dir := t.TempDir()
	certificate := httptest.NewUnstartedServer(nil)
	certificate.StartTLS()
	defer certificate.Close()
	write := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("ca.pem", pemOf(certificate.Certificate().Raw))
	write("secret", "s\n")
	t.Chdir(t.TempDir())
	for product, settings := range map[string]string{
		"acronis":                  `url: "https://a.example", client_id: c, client_secret_file: secret`,
		"veeam":                    `url: "https://a.example", username: u, password_file: secret, customer: c`,
		"veeam_enterprise_manager": `url: "https://a.example", username: u, password_file: secret, customer: c`,
		"synology":                 `url: "https://a.example", account: u, password_file: secret, customer: c, active_backup: {}`,
		"proxmox_backup_server":    `url: "https://a.example", token_id: "u@pbs!t", secret_file: secret, customer: c, datastores: [d]`,
	} {
		write("e.yml", "sources:\n  - name: s\n    "+product+": {"+settings+", tls: {ca_file: ca.pem}}\n")
		if _, err := loadConfig(filepath.Join(dir, "e.yml"), sourceTable(), exporters.SourceOptions{Now: time.Now}); err != nil {
			t.Errorf("%s: %v", product, err)
		}
		write("e.yml", "sources:\n  - name: s\n    "+product+": {"+settings+", tls: {ca_file: nowhere.pem}}\n")
		if _, err := loadConfig(filepath.Join(dir, "e.yml"), sourceTable(), exporters.SourceOptions{Now: time.Now}); err == nil || !strings.Contains(err.Error(), filepath.Join(dir, "nowhere.pem")) {
			t.Errorf("%s: a file that is not there: %v", product, err)
		}
	}
	for way, settings := range map[string]string{
		"console_database": `server: s, user: u, password_file: secret`,
		"soap":             `experimental: true, url: "https://a.example", namespace: "http://n", username: u, password_file: secret`,
	} {
		write("e.yml", "sources:\n  - name: s\n    arcserve: {customer: c, "+way+": {"+settings+", tls: {ca_file: ca.pem}}}\n")
		if _, err := loadConfig(filepath.Join(dir, "e.yml"), sourceTable(), exporters.SourceOptions{Now: time.Now}); err != nil {
			t.Errorf("%s: %v", way, err)
		}
	}
	for repository, want := range map[string]string{"restic": filepath.Join(dir, "restic"), "local:restic": "local:" + filepath.Join(dir, "restic"), "./a:b": filepath.Join(dir, "a:b"),
		"/srv/restic": "/srv/restic", "sftp:backup@host:restic": "sftp:backup@host:restic", "s3:host/bucket": "s3:host/bucket"} {
		c := resticrepo.Config{Binary: "/bin/sh", Repository: repository, PasswordFile: "secret", Customer: "c"}
		if err := c.Validate(dir); err != nil || c.Repository != want {
			t.Errorf("repository %s is %s, want %s: %v", repository, c.Repository, want, err)
		}
	}
}

func pemOf(der []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
}
