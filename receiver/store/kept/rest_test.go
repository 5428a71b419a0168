package kept

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"vigie/rules/incident"
)

// states are incidents of the shipped examples, in the form of this build.
func states(t testing.TB) (all [][]byte) {
	t.Helper()
	lines, err := os.ReadFile("state.dict")
	if err != nil {
		t.Fatal(err)
	}
	for line := range bytes.Lines(bytes.TrimSpace(lines)) {
		var inc incident.Incident
		if err := Decode(line, &inc); err != nil {
			t.Fatal(err)
		}
		text, err := Encode(&inc)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, text)
	}
	return all
}

// later puts a field of a later build into each object of a value, one after the
// other.
func later(value any, into func()) {
	switch value := value.(type) {
	case map[string]any:
		value["later_field"] = map[string]any{"at": "2031-03-10T09:00:00Z", "n": 7}
		into()
		delete(value, "later_field")
		for _, inner := range value {
			later(inner, into)
		}
	case []any:
		for _, inner := range value {
			later(inner, into)
		}
	}
}

// Wherever a later build has written a field into an incident, it is there after this
// one has written the incident; and a write that changes nothing is none.
func TestFieldsOfALaterBuildStay(t *testing.T) {
	var s Incidents
	fields, texts := 0, 0
	for _, text := range states(t) {
		var inc incident.Incident
		if foreign, err := s.Read(text, &inc); err != nil || foreign {
			t.Fatalf("of this build, and foreign: %v, %v: %s", foreign, err, text)
		}
		var value any
		if err := json.Unmarshal(text, &value); err != nil {
			t.Fatal(err)
		}
		later(value, func() {
			was, err := json.Marshal(value)
			if err != nil {
				t.Fatal(err)
			}
			foreign, err := s.Read(was, &inc)
			if err != nil {
				return // a map of texts, such as labels, in which no build writes an object
			}
			if !foreign {
				t.Fatalf("not seen in %s", was)
			}
			fields++
			unchanged, err := Encode(&inc)
			if err != nil {
				t.Fatal(err)
			}
			if got, err := Amended(was, unchanged); err != nil || got != nil {
				t.Fatalf("written although nothing has changed: %s (%v)", got, err)
			}
			inc.Failures++
			inc.Acts = append([]incident.ActRecord{{Verb: "note", By: "adm1"}}, inc.Acts...)
			now, err := Encode(&inc)
			if err != nil {
				t.Fatal(err)
			}
			got, err := Amended(was, now)
			if err != nil || strings.Count(string(got), `"later_field":{"at":"2031-03-10T09:00:00Z",`) != 1 || strings.Count(string(got), `"n":7`) != 1 {
				t.Fatalf("of %s is left %s (%v)", was, got, err)
			}
			var again incident.Incident
			if _, err := s.Read(got, &again); err != nil || again.Failures != inc.Failures || len(again.Acts) != len(inc.Acts) {
				t.Errorf("read again: %+v (%v)", again, err)
			}
		})
		texts++
	}
	if fields < 10*texts {
		t.Errorf("%d fields in %d states", fields, texts)
	}
}

// With what is gone goes what another build knew of it; what has changed keeps it.
func TestFieldsOfALaterBuildFollowTheirs(t *testing.T) {
	was := `{"id":"i1","alerts":{"f1":{"labels":{},"firing":true,"x":1},"f2":{"labels":{},"firing":true,"x":2}},` +
		`"pauses":[{"from":"2026-03-09T08:00:00Z","x":3}],"acts":[{"verb":"take","by":"adm1","episode":1,"x":4},{"verb":"take","by":"adm1","episode":1,"x":5}],` +
		`"told":[{"role":"a","person":"","name":"","address":"","language":"","x":6},{"role":"b","person":"","name":"","address":"","language":"","x":7}]}`
	var inc incident.Incident
	if err := Decode([]byte(was), &inc); err != nil {
		t.Fatal(err)
	}
	delete(inc.Alerts, "f1")
	inc.Alerts["f2"].Firing = false
	inc.Pauses[0].To = inc.Pauses[0].From.Add(time.Hour)
	inc.Told = inc.Told[1:]
	now, err := Encode(&inc)
	if err != nil {
		t.Fatal(err)
	}
	got, err := Amended([]byte(was), now)
	if err != nil {
		t.Fatal(err)
	}
	for n := 1; n <= 7; n++ {
		if left, want := bytes.Contains(got, fmt.Appendf(nil, `"x":%d`, n)), n != 1 && n != 6; left != want {
			t.Errorf("x of %d is left: %v; %s", n, left, got)
		}
	}
}

// What the first builds wrote in other words is not kept beside what it has become.
func TestFormsOfEarlierBuildsGo(t *testing.T) {
	was := `{"id":"i1","SelfHealed":["2026-03-09T07:10:00Z"],"vars":{"ending:f1":"2026-03-09T07:10:00Z","calls_missed":"xx"},"pauses":[{"From":"2026-03-09T08:00:00Z","To":"2026-03-09T09:00:00Z"}]}`
	var inc incident.Incident
	var s Incidents
	if foreign, err := s.Read([]byte(was), &inc); err != nil || !foreign || inc.Progress.CallsMissed != 2 {
		t.Fatalf("%+v, %v, %v", inc, foreign, err)
	}
	inc.Progress.UnconfirmedEndings, inc.Progress.CallsMissed, inc.SelfHealed, inc.Pauses = nil, 0, nil, nil
	now, err := Encode(&inc)
	if err != nil {
		t.Fatal(err)
	}
	got, err := Amended([]byte(was), now)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Read(got, &inc); err != nil || len(inc.Progress.UnconfirmedEndings) > 0 || inc.Progress.CallsMissed > 0 || len(inc.SelfHealed) > 0 || len(inc.Pauses) > 0 {
		t.Errorf("%s, %v", got, err)
	}
}

// Other rows of JSON keep it as well.
func TestOver(t *testing.T) {
	type entry struct {
		Name string `json:"name"`
		N    int    `json:"n,omitempty"`
	}
	for _, c := range []struct{ was, want string }{
		{``, `[{"name":"new"},{"name":"a"}]`},
		{`[{"name":"a"}]`, `[{"name":"new"},{"name":"a"}]`},
		{`[{"name":"a","later":"<b>"}]`, `[{"name":"new"},{"later":"<b>","name":"a"}]`},
		{`[{"name":"gone","later":1},{"name":"a","later":{"x":[2]}}]`, `[{"name":"new"},{"later":{"x":[2]},"name":"a"}]`},
		{`not JSON`, `[{"name":"new"},{"name":"a"}]`},
	} {
		got, err := Over([]byte(c.was), []entry{{Name: "new"}, {Name: "a"}})
		if err != nil || string(got) != c.want {
			t.Errorf("over %s: %s, not %s (%v)", c.was, got, c.want, err)
		}
	}
}

func BenchmarkRead(b *testing.B) {
	text := states(b)[3]
	b.Run("strictly", func(b *testing.B) {
		var s Incidents
		for b.Loop() {
			var inc incident.Incident
			if foreign, err := s.Read(text, &inc); err != nil || foreign {
				b.Fatal(foreign, err)
			}
		}
	})
	b.Run("leniently", func(b *testing.B) {
		for b.Loop() {
			var inc incident.Incident
			if err := Decode(text, &inc); err != nil {
				b.Fatal(err)
			}
		}
	})
}
