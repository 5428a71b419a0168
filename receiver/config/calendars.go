package config

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"vigie/internal/strict"
	"vigie/rules/book"
	"vigie/rules/inventory"
	"vigie/rules/policy"
)

// CalendarFile is an iCalendar file of the inventory, as it was taken.
type CalendarFile struct {
	// Calendar is the calendar that it closes; "*" stands for all.
	Calendar string
	// File is where it is expected; a pattern when it is gone.
	File string
	// Copy is the last good copy that was taken in its place, because of Fault;
	// both are empty when the file itself was taken.
	Copy  string
	Fault error

	name string // without folder
	text []byte
}

// Copies is the folder of the last good copies of calendar files: beside the
// database, or, where that is on a server, in the service's own folder.
func (c *Config) Copies() string {
	if c.onServer() {
		return filepath.Join(cmp.Or(os.Getenv("STATE_DIRECTORY"), filepath.Dir(c.path)), "vigie.calendars")
	}
	return c.DatabaseName() + ".calendars"
}

// calendarFiles takes the inventory's iCalendar files, or their copies.
type calendarFiles struct {
	config *Config
	// standIn lets the last good copy take the place of a faulty file; without
	// it a faulty file is a fault.
	standIn bool
	taken   []CalendarFile
	// inventory are all files that were read.
	inventory []strict.File
}

// effective checks a file that was read, or could not be, and returns what counts
// in its place. What is wrong with the text of a file that nothing stands in
// for is left to the inventory to say, with all its other faults.
func (cf *calendarFiles) effective(name string, text []byte, unread error) (strict.File, error) {
	read := strict.File{Name: name, Text: text}
	f := CalendarFile{File: name, Fault: unread, name: filepath.Base(name), text: text}
	f.Calendar, _ = inventory.ICalCalendar(name)
	if unread == nil {
		f.Fault = inventory.CheckICal(read)
	}
	if f.Fault == nil {
		cf.taken = append(cf.taken, f)
		return read, nil
	}
	if cf.standIn {
		if kept, err := cf.config.readCopy(f); err == nil {
			f, read.Text = kept, kept.text
		}
	}
	cf.taken = append(cf.taken, f)
	if f.Copy == "" && unread != nil {
		return read, unread
	}
	return read, nil
}

// readCopy returns the file with the copy that stands in for it.
func (c *Config) readCopy(f CalendarFile) (CalendarFile, error) {
	f.Copy = filepath.Join(c.Copies(), copyName(f.name))
	text, err := readFile(f.Copy)
	if err != nil {
		return f, err
	}
	f.text = text
	return f, inventory.CheckICal(strict.File{Name: f.Copy, Text: text})
}

// copyName is a file's name with the ending in small letters, so that one
// calendar has one copy.
func copyName(name string) string {
	return strings.TrimSuffix(name, filepath.Ext(name)) + ".ics"
}

// load reads the inventory, with copies of calendar files where they are
// called for.
func (cf *calendarFiles) load(policies []*policy.Policy) (*inventory.Directory, error) {
	c := cf.config
	files, empty, err := c.readFiles("inventory", c.Inventory, cf.read)
	if err != nil {
		return nil, err
	}
	cf.inventory = files
	kept, err := cf.missing(c.Inventory, policies)
	if err != nil {
		return nil, err
	}
	for _, g := range empty {
		// Calendar files are a courtesy: a pattern for them may find none yet. One
		// that was there and is gone is told by its copy.
		if _, calendars := inventory.ICalCalendar(g); calendars && strings.ContainsAny(filepath.Base(g), "*?[") {
			continue
		}
		if !slices.ContainsFunc(kept, func(f strict.File) bool { return asking([]string{g}, filepath.Base(f.Name)) != "" }) {
			return nil, c.namesNoFile("inventory", g)
		}
	}
	directory, err := inventory.Load(append(files, kept...))
	if err != nil || policies == nil {
		return nil, err
	}
	return directory, book.CheckClosures(directory, policies)
}

// read reads one file of the inventory.
func (cf *calendarFiles) read(name string) (strict.File, error) {
	text, err := readFile(name)
	if _, is := inventory.ICalCalendar(name); is {
		return cf.effective(name, text, err)
	}
	return strict.File{Name: name, Text: text}, err
}

// missing takes the copies of files that a pattern of the inventory asks for
// and that are there no more. Calendars that no policy has any more need none.
func (cf *calendarFiles) missing(globs []string, policies []*policy.Policy) ([]strict.File, error) {
	names, err := cf.config.copied()
	if err != nil {
		if !cf.standIn && errors.Is(err, fs.ErrPermission) {
			return nil, nil // who checks a configuration need not see the receiver's own files
		}
		return nil, cf.config.fault("database", "the copies of calendar files cannot be listed: %v; mend the rights", err)
	}
	var files []strict.File
	var faults strict.Faults
	for _, name := range names {
		calendar, _ := inventory.ICalCalendar(name)
		there := slices.ContainsFunc(cf.taken, func(f CalendarFile) bool { return copyName(f.name) == name })
		glob := asking(globs, name)
		if there || glob == "" || calendar != "*" && !slices.ContainsFunc(policies, func(p *policy.Policy) bool { return asks(p, name, calendar) }) {
			continue
		}
		f := CalendarFile{Calendar: calendar, File: cf.config.Path(glob), name: name}
		gone := cf.config.fault("inventory", "%s, which was there before, is gone: put it back into %s, or delete its copy %s as well to give it up",
			name, filepath.Dir(f.File), filepath.Join(cf.config.Copies(), name))
		f.Fault = gone
		if !cf.standIn {
			faults = append(faults, gone...)
			continue
		}
		kept, err := cf.config.readCopy(f)
		if err != nil {
			faults = append(faults, cf.config.fault("inventory", "%s is gone, and its copy is of no use: %v", name, err)...)
			continue
		}
		cf.taken = append(cf.taken, kept)
		files = append(files, strict.File{Name: kept.Copy, Text: kept.text})
	}
	return files, faults.Err()
}

// asks reports whether a policy has the calendar, or a role filled by the rota, that a
// file is named after.
func asks(p *policy.Policy, name, calendar string) bool {
	rota, is := inventory.RotaOfFile(name)
	if !is {
		return p.Calendars[calendar] != nil
	}
	for _, role := range p.Roles {
		if role.Rota == rota {
			return true
		}
	}
	return false
}

// asking is the first pattern that asks for a calendar file, or "".
func asking(globs []string, name string) string {
	for _, g := range globs {
		if ok, err := filepath.Match(strings.ToLower(filepath.Base(g)), strings.ToLower(name)); ok && err == nil {
			return g
		}
	}
	return ""
}

// copied lists the copies that there are.
func (c *Config) copied() ([]string, error) {
	entries, err := os.ReadDir(c.Copies())
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	var names []string
	for _, e := range entries {
		if filepath.Ext(e.Name()) == ".ics" {
			names = append(names, e.Name())
		}
	}
	return names, err
}

// KeepCalendars keeps a copy of every calendar file that was taken itself, for
// the day on which it is missing or broken. Each copy is replaced whole or not
// at all; all are tried, and the error joins what failed.
func (s *Setup) KeepCalendars() error {
	var errs []error
	for _, f := range s.Calendars {
		if f.Fault != nil {
			continue
		}
		if err := s.Config.keep(f); err != nil {
			errs = append(errs, fmt.Errorf("keeping a copy of %s: %w", f.File, err))
		}
	}
	return errors.Join(errs...)
}

func (c *Config) keep(f CalendarFile) error {
	path := filepath.Join(c.Copies(), copyName(f.name))
	if same, err := os.ReadFile(path); err == nil && bytes.Equal(same, f.text) {
		return nil
	}
	if err := os.MkdirAll(c.Copies(), 0o750); err != nil {
		return err
	}
	return replace(path, f.text)
}

// replace writes a file beside its place and moves it there.
func replace(path string, text []byte) (err error) {
	temp, err := os.CreateTemp(filepath.Dir(path), ".new-*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = os.Remove(temp.Name()) // the first error says more
		}
	}()
	_, err = temp.Write(text)
	if err == nil {
		err = temp.Sync()
	}
	if closing := temp.Close(); err == nil {
		err = closing
	}
	if err == nil {
		err = os.Rename(temp.Name(), path)
	}
	return err
}
