package config

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"vigie/internal/fleet"
	"vigie/internal/strict"
	"vigie/rules"
	"vigie/rules/policy"
)

// Setup is a configuration read whole: the process's own settings and what
// decisions are made from. Reading it opens no secret and no socket.
type Setup struct {
	Config *Config
	Book   *rules.Book
	// Calendars are the inventory's iCalendar files.
	Calendars []CalendarFile
	// Shared is what exporters may fetch of the inventory.
	Shared fleet.Shared
}

// maxFile bounds each file of policy and inventory.
const maxFile = 16 << 20

// Load reads vigie.yml with the policies and the inventory that it names. All
// faults of all files are returned at once, each with file, line, key and cure.
//
// So are calendar files that are broken, or that are gone although a copy of
// them was kept.
func Load(path string) (*Setup, error) { return load(path, false) }

// LoadWithCopies is Load for a receiver that must go on: the last good copy of
// a calendar file ([Setup.KeepCalendars]) takes the place of one that is gone,
// empty or broken. [Engine.NoteCalendars] says so.
func LoadWithCopies(path string) (*Setup, error) { return load(path, true) }

func load(path string, standIn bool) (*Setup, error) {
	text, err := readFile(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("%w: name the configuration with --config.file or in VIGIE_CONFIG", err)
	case errors.Is(err, fs.ErrPermission):
		return nil, fmt.Errorf("%w: run this as the service's user, such as sudo -u vigie, or as root", err)
	case err != nil:
		return nil, err
	}
	c := &Config{path: path, text: text}
	var faults strict.Faults
	if err := strict.Decode(path, text, c); err != nil {
		if !errors.As(err, &faults) {
			return nil, err
		}
	}
	c.defaults()
	later := c.check()
	policies, err := c.policies()
	later = collect(later, path, err)
	calendars := &calendarFiles{config: c, standIn: standIn}
	directory, err := calendars.load(policies)
	faults = append(faults, faults.Beside(collect(later, path, err))...)
	if err := c.located(faults); err != nil {
		return nil, err
	}
	directory.Exporters = c.exporterSources()
	book, err := rules.NewBook(directory, policies...)
	if err != nil {
		return nil, err
	}
	shared, err := share(calendars.inventory)
	if err != nil {
		return nil, err
	}
	return &Setup{Config: c, Book: book, Calendars: calendars.taken, Shared: shared}, nil
}

// share leaves of the inventory what exporters need.
func share(files []strict.File) (fleet.Shared, error) {
	var out fleet.Shared
	hash := sha256.New()
	for _, f := range files {
		s, some, err := fleet.Share(f)
		if err != nil {
			return out, fmt.Errorf("inventory: %w", err)
		}
		if some {
			fmt.Fprintf(hash, "%q %q\n", s.Name, s.Text)
			out.Files = append(out.Files, s)
		}
	}
	out.Version = hex.EncodeToString(hash.Sum(nil))
	return out, nil
}

// exporterSources are the sources that each exporter reads, by its address.
func (c *Config) exporterSources() map[string][]string {
	out := map[string][]string{}
	for _, x := range c.Exporters {
		if u, err := url.Parse(x.URL); err == nil && len(x.Sources) > 0 {
			out[u.Host] = append(out[u.Host], x.Sources...)
		}
	}
	return out
}

// located are the faults, each with its line of vigie.yml if it is one of it.
func (c *Config) located(faults strict.Faults) error {
	faults.Locate(strict.File{Name: c.path, Text: c.text})
	return faults.Err()
}

func collect(faults strict.Faults, path string, err error) strict.Faults {
	var more strict.Faults
	switch {
	case err == nil:
		return faults
	case errors.As(err, &more):
		return append(faults, more...)
	}
	return append(faults, strict.Fault{Position: strict.Position{File: path, Line: 1}, What: err.Error()})
}

func readFile(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if info.Size() > maxFile {
		return nil, fmt.Errorf("%s has %d bytes, at most %d are read: split it", path, info.Size(), maxFile)
	}
	return os.ReadFile(path)
}

func (c *Config) policies() ([]*policy.Policy, error) {
	files, empty, err := c.readFiles("policy", c.Policy, func(name string) (strict.File, error) {
		text, err := readFile(name)
		return strict.File{Name: name, Text: text}, err
	})
	if err != nil {
		return nil, err
	}
	if len(empty) > 0 {
		return nil, c.namesNoFile("policy", empty[0])
	}
	return rules.LoadPolicies(files)
}

// readFiles reads the files that patterns name, relative to vigie.yml, and
// returns the patterns that name none.
func (c *Config) readFiles(key string, globs []string, read func(string) (strict.File, error)) (files []strict.File, empty []string, err error) {
	if len(globs) == 0 {
		return nil, nil, c.fault(key, "missing: name the files, such as [%s/*.yml]", key)
	}
	for _, g := range globs {
		names, err := filepath.Glob(c.Path(g))
		if err != nil {
			return nil, nil, c.fault(key, "%q is not a pattern for file names: %v", g, err)
		}
		if len(names) == 0 {
			empty = append(empty, g)
		}
		slices.Sort(names)
		for _, name := range names {
			f, err := read(name)
			if err != nil {
				return nil, nil, c.fault(key, "%v", err)
			}
			files = append(files, f)
		}
	}
	return files, empty, nil
}

func (c *Config) namesNoFile(key, glob string) error {
	return c.fault(key, "%q names no file: patterns are relative to the folder of %s", glob, filepath.Base(c.path))
}

// Path resolves a file name of the configuration: relative ones are relative to
// the folder of vigie.yml.
func (c *Config) Path(name string) string {
	if name == "" || filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(filepath.Dir(c.path), name)
}

// DatabaseName is the database's file, or its address.
func (c *Config) DatabaseName() string {
	if c.onServer() {
		return c.Database
	}
	return c.Path(c.Database)
}

func (c *Config) onServer() bool { return strings.Contains(c.Database, "://") }

// ReadDatabasePassword returns the password of a database on a server; empty where
// the configuration names none.
func (c *Config) ReadDatabasePassword() (string, error) {
	read := c.secretFile(c.DatabasePassword)
	if read == nil {
		return "", nil
	}
	password, err := read()
	if err != nil {
		return "", fmt.Errorf("database_password_file: %w", err)
	}
	return password, nil
}

func (c *Config) fault(key, format string, args ...any) strict.Faults {
	return strict.Faults{{Position: strict.Position{File: c.path, Line: max(c.Line, 1)}, Path: key, What: fmt.Sprintf(format, args...)}}
}
