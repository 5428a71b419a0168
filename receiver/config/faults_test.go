package config

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// What an admin mistypes is told once, where it stands, without what only follows
// from it.
func TestFaultsAreToldWhereTheyStand(t *testing.T) {
	relay := "  relay: {host: 127.0.0.1, port: 25, tls: none}"
	for name, tt := range map[string]struct {
		from, to string
		line     int
		want     string
	}{
		"a tab":                    {relay, "  hello: vigie.msp.example\n  relay:\n    host: smtp.msp.example\n\ttls: none", 13, "not valid YAML: found a tab character that violates indentation; check indentation (spaces, no tabs), colons and quotes near this line"},
		"a word that TLS is not":   {relay, "  hello: vigie.msp.example\n  relay:\n    host: smtp.msp.example\n    tls: ssl", 13, `mail.relay.tls: "ssl" is not one of starttls, implicit, none`},
		"a port that none is":      {"schema: 1", "schema: 1\nlisten: 127.0.0.1:99095", 2, `listen: "127.0.0.1:99095" is not host:port: write it like 127.0.0.1:9095`},
		"a pattern without a list": {"policy: [policy/*.yml]", "policy: policy/", 4, `policy: expected a list (- item), found "policy/"`},
		"a list where keys are":    {"schema: 1", "schema: 1\nheartbeat: [url_file]", 2, "heartbeat: expected keys and values (allow_plaintext, ca_file, every, url_file), found a list"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			if err := os.CopyFS(dir, os.DirFS("../testdata")); err != nil {
				t.Fatal(err)
			}
			file := filepath.Join(dir, "vigie.yml")
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(file, []byte(strings.Replace(string(text), tt.from, tt.to, 1)), 0o600); err != nil {
				t.Fatal(err)
			}
			_, err = Load(file)
			if want := fmt.Sprintf("%s:%d: %s", file, tt.line, tt.want); err == nil || err.Error() != want {
				t.Errorf("said\n%v\nwant\n%s", err, want)
			}
		})
	}
}
