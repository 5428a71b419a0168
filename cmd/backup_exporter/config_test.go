package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"vigie/exporters"
)

func env() exporters.SourceOptions {
	return exporters.SourceOptions{Now: time.Now, UserAgent: "backup_exporter/test"}
}

func write(t *testing.T, dir, name, text string) string {
	t.Helper()
	file := filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func TestExampleConfiguration(t *testing.T) {
	example, err := os.ReadFile("../../deploy/backup_exporter/backup_exporter.yml")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	file := write(t, dir, "backup_exporter.yml", string(example))
	write(t, dir, "secrets/acronis-eu2", "one\n")
	write(t, dir, "secrets/veeam-dupont", "two\n")
	write(t, dir, "secrets/udp-dupont", "three\n")
	write(t, dir, "secrets/push-dupont", "0123456789abcdef0123456789abcdef\n")
	config, err := loadConfig(file, sourceTable(), env())
	if err != nil {
		t.Fatal(err)
	}
	instances := config.sources
	if len(instances) != 4 || instances[0].engine != "acronis" || instances[1].engine != "veeam" || instances[2].engine != "arcserve" || instances[3].engine != "push" {
		t.Errorf("got %+v", instances)
	}
	if got := time.Duration(instances[0].PollInterval); got != 5*time.Minute {
		t.Errorf("poll_interval is %v", got)
	}
}

func TestExampleOfMoreSources(t *testing.T) {
	example, err := os.ReadFile("../../deploy/backup_exporter/more-sources.yml")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	t.Setenv("PATH", dir)
	if err := os.Chmod(write(t, dir, "restic", ""), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"nas-dupont", "pbs-paris", "restic-dupont.address", "restic-dupont.password"} {
		write(t, dir, "secrets/"+name, "secret\n")
	}
	write(t, dir, "secrets/restic-dupont.env", "AWS_ACCESS_KEY_ID=x\n")
	config, err := loadConfig(write(t, dir, "backup_exporter.yml", string(example)), sourceTable(), env())
	if err != nil {
		t.Fatal(err)
	}
	var engines []string
	for _, in := range config.sources {
		engines = append(engines, in.engine)
	}
	if got := strings.Join(engines, " "); got != "synology proxmox_backup_server restic_repository" {
		t.Errorf("got %s", got)
	}
}

// The rules of the example are held against their own examples.
func TestExampleConfigurationOfMails(t *testing.T) {
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS("../../deploy/backup_exporter")); err != nil {
		t.Fatal(err)
	}
	write(t, dir, "secrets/expert-mailbox", "one\n")
	write(t, dir, "secrets/inbox-dismiss", "0123456789abcdef0123456789abcdef\n")
	config, err := loadConfig(filepath.Join(dir, "inbox.yml"), sourceTable(), env())
	if err != nil {
		t.Fatal(err)
	}
	instances := config.sources
	if len(instances) != 2 || instances[0].engine != "inbox" || instances[1].engine != "inbox" {
		t.Errorf("got %+v", instances)
	}
}

func TestConfigurationErrorsNameTheCure(t *testing.T) {
	const good = "sources:\n- name: a\n  acronis:\n    url: http://127.0.0.1:1\n    client_id: x\n    client_secret_file: secret\n"
	for _, c := range []struct{ name, text, want string }{
		{"unknown top key", "source: []\n", "backup_exporter.yml:1: source: unknown key; did you mean \"sources\"?"},
		{"no source", "sources: []\n", "no source; list at least one"},
		{"not YAML", "sources: [\n", "1: not valid YAML: did not find expected node content; check indentation"},
		{"not a mapping", "- a\n", "begin with the key sources"},
		{"no name", "sources:\n- acronis: {}\n", `backup_exporter.yml:2: sources[0].name: "" is no name`},
		{"no product", "sources:\n- name: a\n", "no product; add one of acronis, "},
		{"unknown product", "sources:\n- name: a\n  acronys: {}\n", "backup_exporter.yml:3: sources[0].acronys: unknown key"},
		{"two products", good + "  veeam: {}\n", "backup_exporter.yml:7: sources[0].veeam: a second product"},
		{"unknown setting", good + "    clientid: y\n", "backup_exporter.yml:7: sources[0].acronis.clientid: unknown key; did you mean \"client_id\"?"},
		{"two at once, the second", "sources:\n- name: a\n  poll_interval: often\n  timeout: soon\n  acronis: {}\n", "backup_exporter.yml:4: sources[0].timeout: \"soon\" is not a duration"},
		{"bad duration", "sources:\n- name: a\n  poll_interval: often\n  acronis: {}\n", "backup_exporter.yml:3: sources[0].poll_interval: \"often\" is not a duration; write for example 30s"},
		{"too often", "sources:\n- name: a\n  poll_interval: 10ms\n  acronis: {}\n", "backup_exporter.yml:3: sources[0].poll_interval: shorter than a second"},
		{"plain http", "sources:\n- name: a\n  acronis:\n    url: http://backup.example\n", "backup_exporter.yml:4: sources[0].acronis.url: plain http"},
		{"secret in the address", "sources:\n- name: a\n  acronis:\n    url: https://u:p@backup.example\n", "put credentials in files"},
		{"no secret", "sources:\n- name: a\n  acronis:\n    url: http://127.0.0.1:1\n    client_id: x\n", "sources[0].acronis.client_secret_file: missing"},
		{"unreadable secret", strings.Replace(good, "file: secret", "file: nowhere", 1), "backup_exporter.yml:6: sources[0].acronis.client_secret_file"},
		{"bad role", good + "    backup_role: main\n", `backup_exporter.yml:7: sources[0].acronis.backup_role: "main" is no role; known are primary, local`},
		{"bad class", good + "    expected_interval: {laptop: 1d}\n", "unknown machine class; known are"},
		{"same name", good + strings.TrimPrefix(good, "sources:\n"), `a second source is called "a"`},
		{"two sources at once, the second", strings.Replace(good, "file: secret", "file: nowhere", 1) + "- name: b\n  acronis: {}\n- name: c\n", "backup_exporter.yml:9: sources[2]: no product"},
		{"a source and the inventory, the second", "inventory: [nowhere.yml]\n" + good + "    backup_role: main\n", "nowhere.yml\": no such file"},
		{"bad zone", good + "    timezone: Europe/Pariss\n", "backup_exporter.yml:7: sources[0].acronis.timezone"},
		{"key twice", good + "    client_id: y\n", "client_id"},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			write(t, dir, "secret", "s\n")
			_, err := loadConfig(write(t, dir, "backup_exporter.yml", c.text), sourceTable(), env())
			if err == nil || !strings.Contains(strings.ReplaceAll(err.Error(), dir+"/", ""), c.want) {
				t.Errorf("got  %v\nwant %s", err, c.want)
			}
		})
	}
}
