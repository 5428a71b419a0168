package pg

import (
	"strings"
	"testing"
)

// A server that would forget what it has accepted, or takes nothing, is refused
// with its cure.
func TestServerMustFit(t *testing.T) {
	good := server{version: 150008, readOnly: "off", fsync: "on", pages: "on", commits: "on", encoding: "UTF8"}
	if err := good.fit(); err != nil {
		t.Errorf("a default server: %v", err)
	}
	for want, change := range map[string]func(*server){
		"PostgreSQL 12":            func(s *server) { s.version = 120005 },
		"standby":                  func(s *server) { s.standby = true },
		"nobody write":             func(s *server) { s.readOnly = "on" },
		"LATIN1":                   func(s *server) { s.encoding = "LATIN1" },
		"fsync = off":              func(s *server) { s.fsync = "off" },
		"full_page_writes = off":   func(s *server) { s.pages = "off" },
		"synchronous_commit = off": func(s *server) { s.commits = "off" },
	} {
		bad := good
		change(&bad)
		if err := bad.fit(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
	if n := len(Told("on", "", 1, 1, true)); n != 2 {
		t.Errorf("%d things are told of a standby that nobody waits for, and a pooler", n)
	}
	if n := len(Told("on", "db2", 1, 0, false)); n != 0 {
		t.Errorf("%d things are told of a server that has nothing to tell", n)
	}
	if told := Told("on", "*", 0, 0, false); len(told) != 1 || !strings.Contains(told[0], "nothing is accepted") {
		t.Errorf("of a server that waits for nobody there is: %q", told)
	}
}
