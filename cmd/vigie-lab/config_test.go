package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"

	"vigie/receiver"
	"vigie/receiver/smtpsink"
)

func root(t *testing.T) string {
	t.Helper()
	r, err := Root()
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// files makes everything up to the configurations, with ports that stay held.
func files(t *testing.T, policy string) (*Files, *Lab) {
	t.Helper()
	f := &Files{Root: root(t), Data: t.TempDir(), Interval: interval, PolicyName: policy}
	if err := f.Folders(); err != nil {
		t.Fatal(err)
	}
	if err := f.Secrets(); err != nil {
		t.Fatal(err)
	}
	dir, err := f.Inventory()
	if err != nil {
		t.Fatal(err)
	}
	fleet, err := NewFleet(FleetOptions{File: f.Path("fleet.json"), Exports: f.Path("exports"), Directory: dir, Credentials: f.Credentials, Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(fleet.Close)
	f.Sources = fleet.Sources()
	platforms, err := NewPlatforms(f.Path("platforms.json"), dir, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	l := &Lab{Files: f, Fleet: fleet, Platforms: platforms}
	if err := l.takePorts(PortNumbers{}); err != nil {
		t.Fatal(err)
	}
	if err := l.takeReceivers(1); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.releasePorts)
	return f, l
}

// tool finds one of the real programs, or skips the test.
func tool(t *testing.T, name string) string {
	t.Helper()
	if path := os.Getenv(strings.ToUpper(name)); path != "" {
		return path
	}
	path, ok := find(name, root(t))
	if !ok {
		t.Skipf("%s is not here: `make tools` builds it", name)
	}
	return path
}

func TestTheProgramsAcceptTheirConfigurations(t *testing.T) {
	for _, policy := range []string{"lab", "example"} {
		t.Run(policy, func(t *testing.T) {
			f, _ := files(t, policy)
			_, ca, err := smtpsink.NewCertificate(time.Now(), loopback)
			if err != nil {
				t.Fatal(err)
			}
			if err := f.Write(ca); err != nil {
				t.Fatal(err)
			}
			t.Run("vigie", func(t *testing.T) {
				s, err := receiver.Load(f.ConfigFile("vigie"))
				if err != nil {
					t.Fatal(err)
				}
				if _, err := s.Config.Secrets(); err != nil {
					t.Error(err)
				}
			})
			for program, args := range map[string][]string{
				"promtool": {"check", "config", f.ConfigFile("prometheus")},
				"amtool":   {"check-config", f.ConfigFile("alertmanager")},
			} {
				t.Run(program, func(t *testing.T) {
					out, err := exec.Command(tool(t, program), args...).CombinedOutput()
					if err != nil {
						t.Errorf("%v\n%s", err, out)
					}
				})
			}
			t.Run("backup_exporter", func(t *testing.T) {
				out, err := exec.Command("go", "run", "vigie/cmd/backup_exporter", "--check", "--config.file="+f.ConfigFile("backup_exporter")).CombinedOutput()
				if err != nil {
					t.Errorf("%v\n%s", err, out)
				}
			})
		})
	}
}

func TestSecretsStayPrivateAndTheSame(t *testing.T) {
	f, _ := files(t, "lab")
	if err := f.Write(nil); err != nil {
		t.Fatal(err)
	}
	before := map[string]string{}
	err := filepath.Walk(f.Data, func(name string, info os.FileInfo, err error) error {
		if err != nil {
			return err
		}
		if open := info.Mode().Perm() & 0o077; open != 0 && name != f.Data {
			t.Errorf("%s is open to others: %v", name, info.Mode())
		}
		if filepath.Dir(name) == f.Path("secrets") && !slices.Contains([]string{"people", "passwords"}, filepath.Base(name)) { // those hold hashes, of several
			b, err := os.ReadFile(name)
			before[filepath.Base(name)] = strings.TrimSpace(string(b))
			return err
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(before) != 7+len(persons()) {
		t.Fatalf("secrets: %d", len(before))
	}
	if err := f.Secrets(); err != nil {
		t.Fatal(err)
	}
	for name, secret := range before {
		if got, err := f.secret(name); err != nil || got != secret {
			t.Errorf("the second start changes %s (%v)", name, err)
		}
		for _, program := range []string{"backup_exporter", "prometheus", "alertmanager", "vigie"} {
			b, err := os.ReadFile(f.ConfigFile(program))
			if err != nil {
				t.Fatal(err)
			}
			if strings.Contains(string(b), secret) {
				t.Errorf("the secret %s stands in the configuration of %s", name, program)
			}
		}
	}
}

func TestConcrete(t *testing.T) {
	const shipped = `
global: {smtp_smarthost: "smtp.msp.example:587", smtp_from: a@msp.example}
route:
  receiver: vigie
  group_wait: 30s
  routes:
    - {receiver: vigie, group_wait: 0s, group_interval: 1m, repeat_interval: 1m, matchers: ['alertname="Watchdog"']}
receivers:
  - name: vigie
    webhook_configs:
      - url: https://vigie.msp.example/api/v1/alertmanager
        send_resolved: true
        max_alerts: 0
        http_config: {authorization: {credentials_file: /etc/alertmanager/vigie.token}, tls_config: {ca_file: /etc/ca.pem}}
`
	out, err := concrete([]byte(shipped), []string{"http://127.0.0.1:1/api", "http://127.0.0.1:2/api"}, "/tmp/token", map[string]any{"smtp_smarthost": "localhost:2525"})
	if err != nil {
		t.Fatal(err)
	}
	const want = `
global: {smtp_smarthost: "localhost:2525", smtp_from: a@msp.example}
route:
  receiver: vigie
  group_wait: 1s
  group_interval: 5s
  routes:
    - {receiver: vigie, group_wait: 1s, group_interval: 5s, repeat_interval: 1m, matchers: ['alertname="Watchdog"']}
receivers:
  - name: vigie
    webhook_configs:
      - url: http://127.0.0.1:1/api
        send_resolved: true
        max_alerts: 0
        http_config: {authorization: {type: Bearer, credentials_file: /tmp/token}}
      - url: http://127.0.0.1:2/api
        send_resolved: true
        max_alerts: 0
        http_config: {authorization: {type: Bearer, credentials_file: /tmp/token}}
`
	var got, expected any
	if err := yaml.Unmarshal(out, &got); err != nil {
		t.Fatal(err)
	}
	if err := yaml.Unmarshal([]byte(want), &expected); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, expected) {
		t.Errorf("got\n%s\nwant%s", out, want)
	}
	for _, bad := range []string{"route: 7", "route: {receiver: x}\nreceivers: [{name: x}]", "- a", "a: [b"} {
		if _, err := concrete([]byte(bad), []string{"http://x"}, "y", nil); err == nil {
			t.Errorf("%q is accepted", bad)
		}
	}
}
