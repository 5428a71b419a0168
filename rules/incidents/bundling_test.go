package incidents_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"vigie/rules/incidents"
)

var noon = time.Date(2026, 3, 9, 12, 0, 0, 0, time.UTC)

func at(minutes int) time.Time { return noon.Add(time.Duration(minutes) * time.Minute) }

// Bundles leave as they were due; of one instant what came first.
func TestOrderOfBundles(t *testing.T) {
	waiting := []incidents.Waiting{
		{ID: "1", Incident: "i1", Bundle: "late", HoldUntil: at(5), Position: 1},
		{ID: "2", Incident: "i2", Bundle: "second", HoldUntil: at(1), Position: 2},
		{ID: "3", Incident: "i3", Bundle: "first", HoldUntil: at(0), Position: 4},
		{ID: "4", Incident: "i4", Bundle: "a-third", HoldUntil: at(1), Position: 3},
		{ID: "5", Incident: "i5", Bundle: "second", HoldUntil: at(9), Position: 5},
	}
	due := incidents.DueBundles(waiting, at(1))
	if got, want := incidents.InOrder(due, 10), []string{"first", "second", "a-third"}; !slices.Equal(got, want) {
		t.Errorf("order %q, want %q", got, want)
	}
	if got := incidents.InOrder(due, 1); !slices.Equal(got, []string{"first"}) {
		t.Errorf("one of them: %q", got)
	}
	if got := incidents.DueBundles(waiting, at(-1)); len(got) != 0 {
		t.Errorf("nothing is due yet, and %v is", got)
	}
}

// What is told of one incident leaves in the order in which it is due.
func TestWhatLeavesOfABundle(t *testing.T) {
	waiting := []incidents.Waiting{
		{ID: "opened", Incident: "i1", Bundle: "a", HoldUntil: at(1), Position: 1},
		{ID: "ended", Incident: "i1", Bundle: "b", HoldUntil: at(2), Position: 2},
		{ID: "other", Incident: "i2", Bundle: "b", HoldUntil: at(3), Position: 3},
		{ID: "at once", Incident: "i1", Bundle: "c", HoldUntil: at(0), Position: 4},
	}
	for _, c := range []struct {
		bundle string
		now    time.Time
		stuck  []string
		want   []string
	}{
		{"a", at(0), nil, nil},
		{"a", at(1), nil, []string{"opened"}},
		{"b", at(2), nil, nil},
		{"b", at(3), nil, []string{"other"}},
		{"b", at(2), []string{"a"}, []string{"ended", "other"}},
		{"c", at(0), nil, []string{"at once"}},
		{"none", at(9), nil, nil},
	} {
		var got []string
		leaving, _ := incidents.Leaving(c.bundle, waiting, c.now, c.stuck)
		for _, w := range leaving {
			got = append(got, w.ID)
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("of %s at %s, stuck %v: %q leave, want %q", c.bundle, c.now.Format("15:04"), c.stuck, got, c.want)
		}
	}
}

// What is due together leaves together: a bundle of which a part waits for another one has
// its turn behind that, and only of those that wait for each other does one leave in parts.
func TestBundlesLeaveWhole(t *testing.T) {
	for _, c := range []struct {
		name, order string // of incidents' notifications, as they came: bundle and incident
		want        []string
	}{
		{"each for itself", "a1 b2 c3", []string{"a1", "b2", "c3"}},
		{"the hand-over of three, of which one is told to somebody else before", "h1 f2 h2 h3", []string{"f2", "h1 h2 h3"}},
		{"one behind the other", "c1 b2 c2 a3 b3", []string{"a3", "b2 b3", "c1 c2"}},
		{"each waits for the other", "a1 b1 b2 a2 c3", []string{"c3", "a1", "b1 b2", "a2"}},
	} {
		var waiting []incidents.Waiting
		for n, w := range strings.Fields(c.order) {
			waiting = append(waiting, incidents.Waiting{ID: w, Incident: w[1:], Bundle: w[:1], HoldUntil: at(0), Position: int64(n)})
		}
		var got []string
		for len(waiting) > 0 {
			err := incidents.InTurn(incidents.InOrder(incidents.DueBundles(waiting, at(0)), 9), func(key string, inParts bool) (bool, error) {
				leaving, whole := incidents.Leaving(key, waiting, at(0), nil)
				if !whole && !inParts {
					return false, nil
				}
				var ids []string
				for _, w := range leaving {
					ids = append(ids, w.ID)
				}
				got = append(got, strings.Join(ids, " "))
				waiting = slices.DeleteFunc(waiting, func(w incidents.Waiting) bool { return slices.Contains(ids, w.ID) })
				return true, nil
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}
