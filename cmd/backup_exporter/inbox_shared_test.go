package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"vigie/exporters"
)

// Two sources that read one mailbox miss what the other takes, and two that
// keep one folder keep each other out: the configuration is refused.
func TestSourcesThatShareMails(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return file
	}
	write("password", "secret\n")
	rules, err := filepath.Abs("../../deploy/backup_exporter/inbox/arcserve.yml")
	if err != nil {
		t.Fatal(err)
	}
	source := func(name, folder, address, mailbox string) string {
		return fmt.Sprintf("  - name: %s\n    inbox:\n      folder: %s\n      rules: [%s]\n      imap: {address: '%s', username: expert, password_file: password, mailbox: %s}\n", name, folder, rules, address, mailbox)
	}
	first := source("a", "a", "mail.msp.example", "INBOX")
	for second, want := range map[string]string{
		source("b", "b", "Mail.msp.example:993", "inbox"):   "the mailbox is read by the source a already",
		source("b", "a/../a", "mail.msp.example", "Others"): "the folder belongs to the source a",
		source("b", "b", "mail.msp.example", "Others"):      "",
	} {
		file := write("config.yml", "sources:\n"+first+second)
		_, err := loadConfig(file, sourceTable(), exporters.SourceOptions{Now: time.Now})
		if (err == nil) != (want == "") || err != nil && (!strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "config.yml:")) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
}
