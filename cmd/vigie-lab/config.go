package main

import (
	"bytes"
	"cmp"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"text/template"

	"vigie/cmd/vigie-lab/overlay"
	"vigie/deploy/lab"
	"vigie/internal/strict"
	"vigie/receiver/identity"
	"vigie/rules/inventory"
)

// example names something of an example, below the root. The lab's backups are those
// of one, its hosted platforms those of the other.
func example(name string, parts ...string) string {
	return filepath.Join(append([]string{"deploy", "examples", name}, parts...)...)
}

const (
	backups   = "synomega"
	platforms = "activeprolearn"
)

// inventoryFiles is where machines and platforms stand, as file patterns below the root:
// the examples', and some of the lab's own for products that they have not.
func inventoryFiles() []string {
	return []string{example(backups, "inventory", "*.yml"), example(backups, "inventory", "*.csv"), example(platforms, "inventory", "*.yml"),
		filepath.Join("deploy", "lab", "inventory", "*.yml")}
}

// Ports are those of everything that listens.
type Ports struct {
	Page, Inbox, Vigie, Prometheus, Alertmanager, Exporter, SMTP, Emergency *Port
	Grafana                                                                 *Port // nil without a Grafana
	Sources                                                                 map[string]*Port
}

// Files is what the templates see, and where everything lies.
type Files struct {
	Root, Data  string
	Interval    string
	PolicyName  string
	Ports       Ports
	Receivers   []Receiver
	Server      string // address of a database on a server; "" for a file
	Sources     []SourceState
	Credentials Credentials
}

// Path names something in the data folder.
func (f *Files) Path(parts ...string) string {
	return filepath.Join(append([]string{f.Data}, parts...)...)
}

// SecretFile names the file of a secret.
func (f *Files) SecretFile(name string) string { return f.Path("secrets", name) }

// ConfigFile names a program's configuration.
func (f *Files) ConfigFile(name string) string { return f.Path("config", name+".yml") }

func (f *Files) CAFile() string { return f.Path("config", "ca.pem") }
func (f *Files) Rules() string  { return filepath.Join(f.Root, "alerting-rules", "*.yml") }

// Rule names a rule file for report mails.
func (f *Files) Rule(name string) string {
	return filepath.Join(f.Root, "deploy", "backup_exporter", "inbox", name)
}

// Database is what Vigie keeps everything in: a file, or a server's.
func (f *Files) Database() string { return cmp.Or(f.Server, f.Path("vigie", "vigie.db")) }

// Policy is the policy's files, as a pattern.
func (f *Files) Policy() string { return f.Path("config", "policy", "*.yml") }

// examplePolicy reads the files of an example's policy.
func (f *Files) examplePolicy(name string) ([]strict.File, error) {
	return readAll(filepath.Join(f.Root, example(name, "policy", "*.yml")))
}

// writePolicy makes the policy from the examples', with the lab's edits unless the real
// hours are wanted.
func (f *Files) writePolicy() error {
	differs, err := overlay.Read(filepath.Join(f.Root, "deploy", "lab", "policy.yml"))
	if err != nil {
		return err
	}
	if f.PolicyName != "lab" {
		differs.Edits = nil
	}
	files, err := f.examplePolicy(backups)
	if err != nil {
		return err
	}
	made, err := differs.Apply(files, f.examplePolicy)
	if err != nil {
		return err
	}
	dir := f.Path("config", "policy")
	if err := errors.Join(os.RemoveAll(dir), os.Mkdir(dir, 0o700)); err != nil {
		return err
	}
	for _, m := range made {
		if err := writeFile(filepath.Join(dir, filepath.Base(m.Name)), m.Text); err != nil {
			return err
		}
	}
	return nil
}

// readAll reads the files that a pattern names, in their order.
func readAll(pattern string) (files []strict.File, err error) {
	names, err := filepath.Glob(pattern)
	if err != nil {
		return nil, err
	}
	slices.Sort(names)
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			return nil, err
		}
		files = append(files, strict.File{Name: name, Text: text})
	}
	return files, nil
}

// InventoryFiles are the patterns of the inventory.
func (f *Files) InventoryFiles() (patterns []string) {
	for _, p := range inventoryFiles() {
		patterns = append(patterns, filepath.Join(f.Root, p))
	}
	return append(patterns, f.ConfigFile("sources"))
}

// SourceURL is the address of a simulated product.
func (f *Files) SourceURL(name string) string { return f.Ports.Sources[name].URL("https") }

// Folders makes the data folder. Only we may look into it.
func (f *Files) Folders() error {
	for _, d := range []string{"config", "secrets", "log", "prometheus", "alertmanager", "vigie", "backup_exporter", "restic"} {
		if err := os.MkdirAll(f.Path(d), 0o700); err != nil {
			return err
		}
	}
	return nil
}

// persons are those who get a token of their own for Vigie's API.
func persons() []string { return []string{"sup", "adm1"} }

// Secrets makes the secrets that do not exist yet and reads all of them.
func (f *Files) Secrets() error {
	for _, name := range append([]string{"acronis", "veeam", "push", "webhook", "smtp", "links"}, persons()...) {
		if _, err := f.secret(name); err != nil {
			return err
		}
	}
	var people strings.Builder
	for _, p := range persons() {
		token, err := f.secret(p)
		if err != nil {
			return err
		}
		fmt.Fprintf(&people, "%s %x\n", p, sha256.Sum256([]byte(token)))
	}
	if err := writeFile(f.SecretFile("people"), []byte(people.String())); err != nil {
		return err
	}
	if err := f.passwords(); err != nil {
		return err
	}
	f.Credentials = Credentials{AcronisID: "vigie-lab", VeeamUser: "vigie-lab"}
	var err error
	if f.Credentials.AcronisSecret, err = f.secret("acronis"); err != nil {
		return err
	}
	f.Credentials.VeeamPassword, err = f.secret("veeam")
	return err
}

// visitor is somebody who is shown how to log in to Vigie's pages.
type visitor struct{ id, who string }

func visitors() []visitor {
	return []visitor{
		{"sup", "the supervisor on duty"}, {"adm1", "an admin who repairs"}, {"adm2", "a second admin"}, {"am.dupont", "the account manager of Dupont"},
		{"vijay", "who answers for backups"}, {"it.dupont", "the IT contact of Dupont: sees Dupont alone"}, {"lea", "a user of Dupont: sees her computer alone"},
		{"op", "who operates the hosted platforms"}, {"l3", "level 3, whom operators call upon"}, {"lead", "who answers for the platforms, and reads the month"},
		{"exploit", "the operations manager of Académie A: sees that platform alone"},
	}
}

// Password is everybody's on Vigie's pages: short, as nothing but this machine
// can reach them.
func (f *Files) Password() (string, error) {
	p, err := f.secret("password")
	return p[:min(len(p), 12)], err
}

// passwords writes the password file, unless it is there: a hash costs time.
func (f *Files) passwords() error {
	password, err := f.Password()
	if err != nil {
		return err
	}
	all := visitors()
	known, err := identity.ReadPasswords(f.SecretFile("passwords"))
	if err == nil && known.Check(all[0].id, password) && !slices.ContainsFunc(all, func(v visitor) bool { return known.Mark(v.id) == "" }) {
		return nil
	}
	var lines strings.Builder
	for _, v := range all {
		line, err := identity.Hash(v.id, password)
		if err != nil {
			return err
		}
		lines.WriteString(line + "\n")
	}
	return writeFile(f.SecretFile("passwords"), []byte(lines.String()))
}

// secret reads a secret; one that does not exist is made.
func (f *Files) secret(name string) (string, error) {
	b, err := os.ReadFile(f.SecretFile(name))
	if errors.Is(err, fs.ErrNotExist) {
		b = []byte(rand.Text() + rand.Text() + "\n")
		err = writeFile(f.SecretFile(name), b)
	}
	if err != nil {
		return "", err
	}
	return strings.TrimSpace(string(b)), nil
}

// Write writes the configuration of every program.
func (f *Files) Write(ca []byte) error {
	if err := writeFile(f.CAFile(), ca); err != nil {
		return err
	}
	for _, name := range []string{"sources", "backup_exporter", "prometheus"} {
		if err := f.fill(name+".yml.tmpl", f.ConfigFile(name), f); err != nil {
			return err
		}
	}
	for i, r := range f.Receivers {
		one := struct {
			*Files
			Listen, Emergency string
		}{f, r.Port.Addr(), ""}
		if i == 0 {
			one.Emergency = f.Ports.Emergency.Addr() // no two can listen there
		}
		if err := f.fill("vigie.yml.tmpl", f.ConfigFile(r.Name), one); err != nil {
			return err
		}
	}
	if err := f.writePolicy(); err != nil {
		return err
	}
	if f.Ports.Grafana != nil {
		if err := f.writeGrafana(); err != nil {
			return err
		}
	}
	return f.writeAlertmanager()
}

// fill fills in a template.
func (f *Files) fill(name, into string, with any) error {
	t, err := template.New("").Funcs(template.FuncMap{"quote": strconv.Quote}).Option("missingkey=error").ParseFS(lab.Templates, name)
	if err != nil {
		return err
	}
	var b bytes.Buffer
	if err := t.ExecuteTemplate(&b, name, with); err != nil {
		return err
	}
	return writeFile(into, b.Bytes())
}

// Inventory reads the machines and people.
func (f *Files) Inventory() (*inventory.Directory, error) {
	var files []strict.File
	for _, pattern := range f.InventoryFiles() {
		found, err := readAll(pattern)
		if err != nil {
			return nil, err
		}
		files = append(files, found...)
	}
	return inventory.Load(files)
}

// writeFile replaces a file whole, readable for us alone.
func writeFile(name string, text []byte) error {
	f, err := os.CreateTemp(filepath.Dir(name), "."+filepath.Base(name)+"-*") // mode 0600
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err == nil {
		err = os.Rename(f.Name(), name)
	}
	if err != nil {
		_ = os.Remove(f.Name())
	}
	return err
}
