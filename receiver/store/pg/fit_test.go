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
	for want, s := range map[string]standbys{
		"without being waited for": {commits: "on", following: 1, behind: 1},
		"":                         {commits: "on", named: "db2", following: 1},
		"nothing is accepted":      {commits: "on", named: "*"},
		"waits for its disk":       {commits: "remote_write", named: "db2", following: 1},
	} {
		if told := strings.Join(s.notices(), "\n"); !strings.Contains(told, want) || (want == "") != (told == "") {
			t.Errorf("%+v: there is %q, not %q", s, told, want)
		}
	}
}
