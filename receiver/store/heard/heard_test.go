package heard

import (
	"testing"
	"time"

	"vigie/rules/incidents"
)

func TestLatelyForgets(t *testing.T) {
	var l Lately
	sum := func(n int) (b Sum) {
		b[0], b[1], b[2] = byte(n), byte(n>>8), byte(n>>16)
		return b
	}
	const n = 3 * Most
	for i := range n {
		if l.Seen(sum(i)) {
			t.Fatalf("%d seems to have come", i)
		}
	}
	if size := len(l.young) + len(l.old); size > Most {
		t.Errorf("%d are remembered", size)
	}
	if !l.Seen(sum(n-1)) || l.Seen(sum(0)) {
		t.Error("the last is forgotten, or the first is not")
	}
}

// What is remembered is bounded by alerts too: one delivery may have thousands.
func TestRepeatsForgetByAlerts(t *testing.T) {
	r := NewRepeats()
	held := func() (alerts int) {
		for _, half := range []map[Sum]Repeat{r.bodies.young, r.bodies.old} {
			for _, x := range half {
				alerts += len(x.Leads)
			}
		}
		return alerts
	}
	leads := make([]incidents.Lead, 1000)
	for n := range 1000 {
		sum := Sum{byte(n), byte(n >> 8)}
		for range 2 { // one that is known counts once
			r.Keep(sum, Repeat{Leads: leads})
		}
		if _, found := r.Find(sum, nil, leads, time.Time{}); !found {
			t.Fatalf("delivery %d is forgotten at once", n)
		}
	}
	if n := held(); n > mostAlerts || n < mostAlerts/3 {
		t.Errorf("of %d alerts is known what they belong to: at most %d", n, mostAlerts)
	}
	r.Keep(Sum{31: 1}, Repeat{Leads: make([]incidents.Lead, 1<<20)})
	if n := held(); n > mostAlerts {
		t.Errorf("one delivery makes that %d", n)
	}
}

// A repeat holds until anything is written where it belongs, until time may change
// something, and only for the same alerts judged by the same basis.
func TestRepeatHoldsWhileNothingMoves(t *testing.T) {
	at := time.Date(2026, 3, 9, 8, 0, 0, 0, time.UTC)
	spot := Spot{ID: "i1", Key: "k", Place: incidents.Place{Customer: "dupont", Machine: "SRV-AD", Platform: "lms-A", Host: "h"}}
	sum, keys := Sum{1}, []incidents.Lead{{Key: "k"}, {Key: "k"}}
	for name, c := range map[string]struct {
		change func(*Repeats)
		basis  any
		keys   []incidents.Lead
		at     time.Time
		holds  bool
	}{
		"nothing":            {nil, 1, keys, at.Add(time.Minute), true},
		"elsewhere":          {func(r *Repeats) { r.Moved(Spot{ID: "i2", Key: "l", Place: incidents.Place{Machine: "NAS-01"}}) }, 1, keys, at, true},
		"incident":           {func(r *Repeats) { r.Moved(Spot{ID: "i1"}) }, 1, keys, at, false},
		"key":                {func(r *Repeats) { r.Moved(Spot{ID: "i2", Key: "k"}) }, 1, keys, at, false},
		"machine":            {func(r *Repeats) { r.Moved(Spot{Place: incidents.Place{Customer: "dupont", Machine: "SRV-AD"}}) }, 1, keys, at, false},
		"platform":           {func(r *Repeats) { r.Moved(Spot{Place: incidents.Place{Platform: "lms-A"}}) }, 1, keys, at, false},
		"host":               {func(r *Repeats) { r.Moved(Spot{Place: incidents.Place{Host: "h"}}) }, 1, keys, at, false},
		"anywhere":           {(*Repeats).MovedAll, 1, keys, at, false},
		"due":                {nil, 1, keys, at.Add(time.Hour), false},
		"clock set back":     {nil, 1, keys, at.Add(-time.Second), false},
		"other basis":        {nil, 2, keys, at, false},
		"began later":        {nil, 1, []incidents.Lead{{Key: "k"}, {Key: "k", Began: 1}}, at, false},
		"leads to other key": {nil, 1, []incidents.Lead{{Key: "k"}, {Key: "l"}}, at, false},
	} {
		r := NewRepeats()
		x := Repeat{Basis: 1, Leads: keys, Incidents: []string{"i1"}, Seen: at, Quiet: at.Add(time.Hour)}
		r.Mark(&x, []Spot{spot})
		r.Keep(sum, x)
		if c.change != nil {
			c.change(r)
		}
		if _, holds := r.Find(sum, c.basis, c.keys, c.at); holds != c.holds {
			t.Errorf("%s: holds %t", name, holds)
		}
	}
	if _, holds := (*Repeats)(nil).Find(sum, 1, keys, at); holds {
		t.Error("who shares the database with others remembers")
	}
}
