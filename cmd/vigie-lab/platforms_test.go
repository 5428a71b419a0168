package main

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// What a platform suffers shows in what its probes tell, outlasts a restart, and ends.
func TestPlatforms(t *testing.T) {
	f, l := files(t, "lab")
	tells := func(p *Platforms) string {
		w := httptest.NewRecorder()
		p.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/platforms/metrics", nil))
		return w.Body.String()
	}
	const down = `probe_success{platform="lms-A",site="host-1",probe="login",target="login.lms-A.example"} 0`
	if got := tells(l.Platforms); strings.Contains(got, down) || !strings.Contains(got, `moodle_failed_tasks{platform="lms-B",site="host-1"} 0`) {
		t.Errorf("all are well:\n%s", got)
	}
	for platform, trouble := range map[string]Trouble{"lms-A": LoginDown, "lms-B": TasksFail} {
		if err := l.Platforms.Happen(platform, trouble); err != nil {
			t.Fatal(err)
		}
	}
	dir, err := f.Inventory()
	if err != nil {
		t.Fatal(err)
	}
	again, err := NewPlatforms(f.Path("platforms.json"), dir, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	if got := tells(again); !strings.Contains(got, down) || !strings.Contains(got, `moodle_failed_tasks{platform="lms-B",site="host-1"} 3`) {
		t.Errorf("after a restart:\n%s", got)
	}
	if err := again.Happen("lms-A", Mended); err != nil || strings.Contains(tells(again), down) {
		t.Errorf("it was repaired (%v)", err)
	}
	for platform, trouble := range map[string]Trouble{"lms-Z": LoginDown, "lms-A": "on-fire"} {
		if err := again.Happen(platform, trouble); err == nil {
			t.Errorf("%s of %s is taken", trouble, platform)
		}
	}
}
