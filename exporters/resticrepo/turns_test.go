package resticrepo

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"vigie/exporters"
	"vigie/exporters/sourcetest"
)

// listing is what restic writes of snapshots, grouped by host and paths.
func listing(t *testing.T, shots map[string][]string) string {
	t.Helper()
	type key struct {
		Host  string   `json:"hostname"`
		Paths []string `json:"paths"`
		Tags  []string `json:"tags"`
	}
	type shot struct {
		Time string   `json:"time"`
		Tags []string `json:"tags,omitempty"`
	}
	type set struct {
		Key       key    `json:"group_key"`
		Snapshots []shot `json:"snapshots"`
	}
	out := []set{}
	for paths, times := range shots {
		g := set{Key: key{Host: "srv-web", Paths: strings.Split(paths, ",")}}
		for _, at := range times {
			day, tag, _ := strings.Cut(at, " ")
			s := shot{Time: "2026-03-" + day + ":00:00Z"}
			if tag != "" {
				s.Tags = []string{tag}
			}
			g.Snapshots = append(g.Snapshots, s)
		}
		out = append(out, g)
	}
	data, err := json.Marshal(out)
	sourcetest.Check(t, err)
	return string(data)
}

// A machine that saves several sets of paths by turns, as the databases and the files, has
// a job for each: the complete backup of one says nothing of another.
func TestSetsOfPathsByTurns(t *testing.T) {
	days := func(hour string, tags ...string) (out []string) {
		for i, tag := range tags {
			out = append(out, strings.TrimSpace(fmt.Sprintf("%02dT%s %s", 10-len(tags)+i, hour, tag)))
		}
		return out
	}
	for name, c := range map[string]struct {
		shots map[string][]string
		want  string
	}{
		"the files fail each night, the databases are good": {map[string][]string{"/home": days("01", "ok", "ok", "", ""), "/var/lib/mysql": days("02", "ok", "ok", "ok", "ok")}, "srv-web failed, srv-web//var/lib/mysql success"},
		"the databases fail, the files are good":            {map[string][]string{"/home": days("01", "ok", "ok", "ok", "ok"), "/var/lib/mysql": days("00", "ok", "ok", "", "")}, "srv-web success, srv-web//var/lib/mysql failed"},
		"another list of paths took over":                   {map[string][]string{"/home": {"01T01 ok", "02T01 ok", "03T01 ok", "04T01"}, "/home,/etc": days("01", "ok", "ok", "ok")}, "srv-web success"},
		"a path that holds the date":                        {map[string][]string{"/tmp/1.sql": {"07T01 ok"}, "/tmp/2.sql": {"08T01 ok"}, "/tmp/3.sql": {"09T01"}}, "srv-web failed"},
		"three tries by hand in an evening":                 {map[string][]string{"/home": days("01", "ok", "ok", "ok", "ok"), "/root": {"08T18", "08T19", "08T20"}}, "srv-web success"},
		"one set":                                           {map[string][]string{"/home": days("01", "ok", "ok", "", "")}, "srv-web failed"},
		"one more path for four nights":                     {map[string][]string{"/home": {"01T01 ok", "02T01 ok", "07T01 ok", "08T01 ok", "09T01"}, "/home,/srv": {"03T01 ok", "04T01 ok", "05T01 ok", "06T01 ok"}}, "srv-web failed"},
		"given up long ago":                                 {map[string][]string{"/home": append([]string{"01T01 ok"}, days("01", "ok", "ok", "ok")...)}, "srv-web success"},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, "")
			b.config.SuccessTag = "ok"
			all := listing(t, c.shots)
			tagged := map[string][]string{}
			for paths, shots := range c.shots {
				for _, s := range shots {
					if strings.HasSuffix(s, " ok") {
						tagged[paths] = append(tagged[paths], s)
					}
				}
			}
			b.answers(all, listing(t, tagged))
			b.start()
			for range 2 {
				b.Refresh()
			}
			var got []string
			for _, j := range b.Poller.View().Jobs {
				got = append(got, j.ID+" "+j.LastResult.String())
			}
			if strings.Join(got, ", ") != c.want {
				t.Errorf("got %v, want %s", got, c.want)
			}
		})
	}
}

// A set that is saved every week is not expected each day, and stays a job where retention
// leaves a single snapshot of it.
func TestRhythmOfASetOfPaths(t *testing.T) {
	b := newBench(t, "")
	b.config.SnapshotIsSuccess = true
	b.answers(listing(t, map[string][]string{"/vm": {"01T03", "08T03"}, "/home": {"07T01", "08T01", "09T01", "10T01"}}), "")
	b.start()
	b.Refresh()
	if n := len(b.Poller.View().Jobs); n != 1 {
		t.Errorf("%d jobs before it is a habit", n)
	}
	b.Clock.Advance(8 * 24 * time.Hour)
	daily := map[int][]string{3: {"14T01", "15T01", "16T01", "17T01", "18T01"}, 1: {"18T01"}}
	for _, weekly := range [][]string{{"01T03", "08T03", "15T03"}, {"15T03"}} {
		b.answers(listing(t, map[string][]string{"/vm": weekly, "/home": daily[len(weekly)]}), "")
		b.Refresh()
		j, first := b.find("srv-web//vm"), b.find("srv-web")
		if j == nil || j.LastResult != exporters.Success || first.ExpectedInterval != 24*time.Hour || first.LastSuccess.Day() != 18 || j.ExpectedInterval < 7*24*time.Hour {
			t.Errorf("%v: %+v, %+v", weekly, j, first)
		}
	}
}

// A set that stopped is late for forget_after, and not forgotten on the day it would be.
func TestASetThatStoppedIsLateFirst(t *testing.T) {
	b := newBench(t, "")
	b.config.SnapshotIsSuccess = true
	b.config.ForgetAfter = exporters.Duration(4 * 24 * time.Hour)
	b.answers(listing(t, map[string][]string{"/vm": {"01T03", "04T03", "07T03"}, "/home": {"05T01", "06T01", "07T01", "08T01", "09T01", "10T01"}}), "")
	b.start()
	b.Clock.Advance(3 * 24 * time.Hour)
	b.Refresh()
	if j := b.find("srv-web//vm"); j == nil || j.ExpectedInterval != 72*time.Hour {
		t.Errorf("%+v", j)
	}
}
