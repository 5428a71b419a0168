package receiver_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"vigie/receiver"
	"vigie/rules/calendar"
)

func ics(day string) string {
	return "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//test//EN\r\nBEGIN:VEVENT\r\nUID:1\r\nDTSTART;VALUE=DATE:" + day + "\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
}

// calendarFolder is a configuration with one calendar file, of which a copy is kept.
func calendarFolder(t *testing.T) (config, file, kept string) {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS("testdata")); err != nil {
		t.Fatal(err)
	}
	config = filepath.Join(dir, "vigie.yml")
	text, err := os.ReadFile(config)
	if err != nil {
		t.Fatal(err)
	}
	put(t, config, strings.Replace(string(text), "[inventory/*.yml]", "[inventory/*.yml, inventory/*.ics]", 1))
	file, kept = filepath.Join(dir, "inventory/always.ics"), filepath.Join(dir, "vigie.db.calendars/always.ics")
	put(t, file, ics("20261224"))
	s, err := receiver.LoadWithCopies(config)
	if err != nil {
		t.Fatal(err)
	}
	if len(s.Calendars) != 1 || s.Calendars[0].Calendar != "always" || s.Calendars[0].Copy != "" {
		t.Fatalf("taken: %+v", s.Calendars)
	}
	if err := s.KeepCalendars(); err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(kept); err != nil || string(got) != ics("20261224") {
		t.Fatalf("copy: %q, %v", got, err)
	}
	return config, file, kept
}

func put(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// covers: T10; the last good copy stands in for a file that is gone or broken,
// only for the receiver, and is left alone by it.
func TestCalendarCopies(t *testing.T) {
	remove := func(t *testing.T, path string) {
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		name  string
		spoil func(t *testing.T, file string)
		fault string
	}{
		{"gone", remove, "always.ics, which was there before, is gone"},
		{"empty", func(t *testing.T, f string) { put(t, f, "") }, "the file is empty"},
		{"broken", func(t *testing.T, f string) { put(t, f, "<html>") }, "not an iCalendar"},
		{"closes nothing", func(t *testing.T, f string) { put(t, f, "BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n") }, "closes no day"},
		{"a folder", func(t *testing.T, f string) {
			remove(t, f)
			if err := os.Mkdir(f, 0o700); err != nil {
				t.Fatal(err)
			}
		}, "is a directory"},
	} {
		t.Run(c.name, func(t *testing.T) {
			config, file, kept := calendarFolder(t)
			c.spoil(t, file)
			if _, err := receiver.Load(config); err == nil || !strings.Contains(err.Error(), c.fault) {
				t.Errorf("the check says %v, want %q", err, c.fault)
			}
			s, err := receiver.LoadWithCopies(config)
			if err != nil {
				t.Fatal(err)
			}
			if len(s.Calendars) != 1 || s.Calendars[0].Copy != kept || !strings.Contains(s.Calendars[0].Fault.Error(), c.fault) {
				t.Errorf("taken: %+v", s.Calendars)
			}
			if _, closed := s.Book.Directory.Closures["always"][calendar.Date{Year: 2026, Month: 12, Day: 24}]; !closed {
				t.Error("the day of the copy is open")
			}
			if err := s.KeepCalendars(); err != nil {
				t.Fatal(err)
			}
			if got, err := os.ReadFile(kept); err != nil || string(got) != ics("20261224") {
				t.Errorf("the copy became %q, %v", got, err)
			}
			// Without a copy nothing stands in, and a pattern asks for no file of its own.
			remove(t, kept)
			if _, err := receiver.LoadWithCopies(config); (err == nil) != (c.name == "gone") {
				t.Errorf("without a copy: %v", err)
			}
		})
	}
}

// A copy counts only while the configuration asks for it and it is good.
func TestCalendarCopiesThatDoNotCount(t *testing.T) {
	t.Run("given up in vigie.yml", func(t *testing.T) {
		config, file, _ := calendarFolder(t)
		text, err := os.ReadFile(config)
		if err != nil {
			t.Fatal(err)
		}
		put(t, config, strings.Replace(string(text), ", inventory/*.ics", "", 1))
		if err := os.Remove(file); err != nil {
			t.Fatal(err)
		}
		s, err := receiver.LoadWithCopies(config)
		if err != nil || len(s.Calendars) != 0 {
			t.Errorf("%v, %v", s, err)
		}
	})
	t.Run("the calendar is renamed", func(t *testing.T) {
		config, file, _ := calendarFolder(t)
		policy := filepath.Join(filepath.Dir(config), "policy/policy.yml")
		text, err := os.ReadFile(policy)
		if err != nil {
			t.Fatal(err)
		}
		put(t, policy, strings.NewReplacer("always:", "ever:", "calendar: always", "calendar: ever").Replace(string(text)))
		if _, err := receiver.LoadWithCopies(config); err == nil || !strings.Contains(err.Error(), `no policy has a calendar "always"`) {
			t.Errorf("a file of an unknown calendar: %v", err)
		}
		if err := os.Rename(file, filepath.Join(filepath.Dir(file), "ever.ics")); err != nil {
			t.Fatal(err)
		}
		s, err := receiver.LoadWithCopies(config)
		if err != nil || len(s.Calendars) != 1 || s.Calendars[0].Calendar != "ever" || s.Calendars[0].Copy != "" {
			t.Errorf("%+v, %v", s, err)
		}
	})
	t.Run("broken as well", func(t *testing.T) {
		config, file, kept := calendarFolder(t)
		put(t, file, "")
		put(t, kept, "half a fi")
		if _, err := receiver.LoadWithCopies(config); err == nil || !strings.Contains(err.Error(), "the file is empty") {
			t.Errorf("got %v", err)
		}
	})
	t.Run("replaced by a newer file", func(t *testing.T) {
		config, file, kept := calendarFolder(t)
		put(t, file, ics("20261231"))
		s, err := receiver.LoadWithCopies(config)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.KeepCalendars(); err != nil {
			t.Fatal(err)
		}
		if got, err := os.ReadFile(kept); err != nil || string(got) != ics("20261231") {
			t.Errorf("the copy is %q, %v", got, err)
		}
		if left, err := os.ReadDir(filepath.Dir(kept)); err != nil || len(left) != 1 {
			t.Errorf("left behind: %v, %v", left, err)
		}
	})
}
