package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"

	"vigie/docs/reference"
	"vigie/docs/reference/referencetest"
	"vigie/exporters"
	"vigie/exporters/acronis"
	"vigie/exporters/arcserve"
	"vigie/exporters/inbox"
	"vigie/exporters/proxmoxbackup"
	"vigie/exporters/push"
	"vigie/exporters/resticrepo"
	"vigie/exporters/synology"
	"vigie/exporters/veeam"
	"vigie/exporters/veeamem"
	"vigie/exporters/veeamevents"
	"vigie/exporters/windowsbackup"
	"vigie/internal/strict"
)

// settings are the products' configurations, by the key under which each stands.
func settings() map[string]func() interface{ Validate(string) error } {
	return map[string]func() interface{ Validate(string) error }{
		acronis.Engine:       func() interface{ Validate(string) error } { return new(acronis.Config) },
		arcserve.Engine:      func() interface{ Validate(string) error } { return new(arcserve.Config) },
		inbox.Engine:         func() interface{ Validate(string) error } { return new(inbox.Config) },
		proxmoxbackup.Engine: func() interface{ Validate(string) error } { return new(proxmoxbackup.Config) },
		push.Engine:          func() interface{ Validate(string) error } { return new(push.Config) },
		resticrepo.Key:       func() interface{ Validate(string) error } { return new(resticrepo.Config) },
		synology.Engine:      func() interface{ Validate(string) error } { return new(synology.Config) },
		veeamem.Key:          func() interface{ Validate(string) error } { return new(veeamem.Config) },
		veeamevents.Key:      func() interface{ Validate(string) error } { return new(veeamevents.Config) },
		veeam.Engine:         func() interface{ Validate(string) error } { return new(veeam.Config) },
		windowsbackup.Engine: func() interface{ Validate(string) error } { return new(windowsbackup.Config) },
	}
}

// knownKeys are all keys that a configuration may hold.
func knownKeys(t *testing.T) []string {
	t.Helper()
	out := append(strict.Paths(reflect.TypeFor[topLevel]()), prefixed("sources", strict.Paths(reflect.TypeFor[common]()))...)
	for name, make := range settings() {
		if sourceTable()[name] == nil {
			t.Fatalf("%s is no product", name)
		}
		out = append(append(out, "sources."+name), prefixed("sources."+name, strict.Paths(reflect.TypeOf(make())))...)
	}
	if len(settings()) != len(sourceTable()) {
		t.Fatal("a product is missing in settings")
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func prefixed(prefix string, paths []string) []string {
	out := make([]string, len(paths))
	for i, p := range paths {
		out[i] = prefix + "." + p
	}
	return out
}

// readReference reads a text as loadConfig does, up to the settings of each source,
// of which only one; -1 for all.
func readReference(dir string, text []byte, only int) (string, error) {
	var doc yaml.Node
	if err := yaml.Unmarshal(text, &doc); err != nil {
		return "", err
	}
	var top topLevel
	if err := exporters.DecodeStrict("backup_exporter.yml", "", doc.Content[0], &top); err != nil {
		return "", err
	}
	out := []any{top.InventoryFrom}
	if err := top.InventoryFrom.Validate(dir); err != nil {
		return "", err
	}
	for i := range top.Sources {
		if only >= 0 && i != only {
			continue
		}
		v, err := readSource(dir, &top.Sources[i])
		if err != nil {
			return "", err
		}
		out = append(out, v)
	}
	text, err := json.Marshal(out) // of what is configured; connections differ
	return string(text), err
}

func readSource(dir string, n *yaml.Node) (any, error) {
	c := newCommon()
	shared := yaml.Node{Kind: yaml.MappingNode, Tag: "!!map", Line: n.Line}
	var product any
	for i := 0; i+1 < len(n.Content); i += 2 {
		make, ok := settings()[n.Content[i].Value]
		if !ok {
			shared.Content = append(shared.Content, n.Content[i], n.Content[i+1])
			continue
		}
		s := make()
		if err := exporters.DecodeStrict("backup_exporter.yml", n.Content[i].Value, n.Content[i+1], s); err != nil {
			return nil, err
		}
		if err := s.Validate(dir); err != nil {
			return nil, err
		}
		product = s
	}
	if err := exporters.DecodeStrict("backup_exporter.yml", "sources", &shared, &c); err != nil {
		return nil, err
	}
	if !sourceName.MatchString(c.Name) {
		return nil, &exporters.ConfigError{Key: "name", What: "missing"}
	}
	return []any{c, product}, nil
}

// TestReference holds the reference of the configuration against what is read:
// each key stands there with words, and a key that is left out means what its line
// says.
func TestReference(t *testing.T) {
	text := reference.File("backup_exporter")
	gaps, err := referencetest.Gaps(text, knownKeys(t))
	if err != nil {
		t.Fatal(err)
	}
	for _, g := range gaps {
		t.Error(g)
	}
	keys, err := referencetest.Keys(text)
	if err != nil {
		t.Fatal(err)
	}
	dir := referenceFolder(t, keys)
	if _, err := readReference(dir, text, -1); err != nil {
		t.Fatal(err)
	}
	for _, k := range keys {
		if k.Standing == referencetest.Example {
			continue
		}
		whole, err := readReference(dir, text, sourceAt(text, k.Line))
		if err != nil {
			t.Fatal(err)
		}
		v, err := readReference(dir, without(text, k.Line), sourceAt(text, k.Line))
		switch {
		case k.Standing == referencetest.Default && (err != nil || v != whole):
			t.Errorf("line %d: without %s: %s something else holds (%v)", k.Line, k.Path, k.Value, err)
		case k.Standing == referencetest.Required && err == nil:
			t.Errorf("line %d: %s is called required, and nothing is missed without it", k.Line, k.Path)
		}
	}
}

// sourceAt is the index of the source that a line belongs to; the first stands for
// what belongs to none.
func sourceAt(text []byte, line int) int {
	n := -1
	for _, l := range strings.Split(string(text), "\n")[:line] {
		if strings.HasPrefix(l, "  - name:") {
			n++
		}
	}
	return max(n, 0)
}

// without leaves a line out; a source whose first line it is keeps its dash.
func without(text []byte, line int) []byte {
	lines := strings.Split(string(text), "\n")
	old := lines[line-1]
	lines[line-1] = ""
	if strings.HasPrefix(strings.TrimLeft(old, " "), "- ") {
		lines[line-1] = strings.Repeat(" ", len(old)-len(strings.TrimLeft(old, " "))) + "-"
	}
	return []byte(strings.Join(lines, "\n"))
}

// selfSigned is a certificate with its key, as PEM.
func selfSigned(t *testing.T) (certificate, key string) {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	cert := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, cert, cert, k.Public(), k)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(k)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})), string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}))
}

// referenceFolder has every file and program that the reference names.
func referenceFolder(t *testing.T, keys []referencetest.Key) string {
	t.Helper()
	dir := t.TempDir()
	certificate, key := selfSigned(t)
	write := func(name, text string, mode os.FileMode) {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), mode); err != nil {
			t.Fatal(err)
		}
	}
	for _, k := range keys {
		switch {
		case strings.HasSuffix(k.Path, "ca_file"), strings.HasSuffix(k.Path, "cert_file"):
			write(k.Value, certificate, 0o600)
		case strings.HasSuffix(k.Path, ".key_file"):
			write(k.Value, key, 0o600)
		case strings.HasSuffix(k.Path, "_file"):
			write(k.Value, strings.Repeat("0123456789abcdef", 4)+"\n", 0o600)
		}
	}
	write("secrets/restic.env", "AWS_ACCESS_KEY_ID=x\n", 0o600)
	write("restic", "#!/bin/sh\n", 0o700)
	if err := os.CopyFS(filepath.Join(dir, "inbox"), os.DirFS(filepath.Join("..", "..", "deploy", "backup_exporter", "inbox"))); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir)
	for _, name := range []string{"ACRONIS_SECRET", "VEEAM_PASSWORD", "UDP_PASSWORD", "NAS_PASSWORD", "PBS_SECRET"} {
		t.Setenv(name, "secret-of-the-environment")
	}
	return dir
}
