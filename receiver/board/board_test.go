package board

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"
	"time"

	"vigie/rules/incident"
	"vigie/rules/inventory"
	"vigie/rules/model"
)

// Whoever looks for what is silenced does not find what is so in part: its reminders go on.
func TestSilencedIsWhole(t *testing.T) {
	part := incident.Incident{Silences: map[string]incident.Silence{"s1": {ID: "s1"}}}
	whole := part
	whole.Flags = map[model.Flag]bool{model.FlagSilenced: true}
	if RowOf(&part).Silenced || !RowOf(&whole).Silenced {
		t.Error("what is silenced in part counts as silenced")
	}
}

// failed is an open incident of a machine of its own.
func failed(n int) *incident.Incident {
	due := time.Date(2026, 3, 9, 8, 0, n%86400, 0, time.UTC)
	return &incident.Incident{ID: fmt.Sprintf("i%d", n), Number: n, Scenario: "server_backup", Policy: "0123456789abcdef", State: model.Open,
		Identity: model.Labels{"customer": fmt.Sprintf("customer%d", n/100), "machine": fmt.Sprintf("SRV-%d", n), "backup_role": "primary"},
		Targets:  map[string]*incident.Clock{"taken": {Due: due}, "repaired": {Due: due.Add(4 * time.Hour)}, "told": {Due: due, MetAt: due}}}
}

// All rows are held: what each takes is bounded, and they are no work for the collector.
func TestWhatRowsTake(t *testing.T) {
	const n, maxBytes, maxObjects = 50_000, 170, 3.1
	b := &Board{rows: map[uint32]*Row{}}
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	for k := range n {
		b.put(RowOf(failed(k + 1)))
	}
	b.settle()
	runtime.GC()
	runtime.ReadMemStats(&after)
	bytes, objects := float64(after.HeapAlloc-before.HeapAlloc)/n, float64(after.HeapObjects-before.HeapObjects)/n
	if runtime.KeepAlive(b); bytes > maxBytes || objects > maxObjects {
		t.Errorf("a row takes %.0f bytes in %.1f objects: at most %d in %.1f", bytes, objects, maxBytes, maxObjects)
	}
}

// A packed row says what its incident does.
func TestPackedRows(t *testing.T) {
	i := failed(7)
	i.Assignee = "adm1"
	i.Identity["path"] = "" // an empty value between others
	i.Alerts = map[string]*incident.Alert{"f": {Labels: model.Labels{model.LabelPlatform: "lms-A"}}}
	i.Reports = []model.Signal{{By: "exploit"}}
	r := RowOf(i)
	got := fmt.Sprintf("%s %d %s %s %s %s %t", r.ID(), r.Number(), r.State(), r.Scenario(), r.Assignee(), r.Platforms(), r.Deadline().Equal(i.Targets["taken"].Due))
	if want := "i7 7 open server_backup adm1 [lms-A] true"; got != want {
		t.Errorf("%s\nwant %s", got, want)
	}
	for name, value := range i.Identity {
		if r.Label(name) != value {
			t.Errorf("%s is %q: want %q", name, r.Label(name), value)
		}
	}
	if r.Label("no_such") != "" {
		t.Error("it has a label that its incident has not")
	}
	running := map[string]time.Time{}
	for clock, due := range r.Running() {
		running[clock] = due
	}
	if len(running) != 2 || !running["taken"].Equal(i.Targets["taken"].Due) || !running["repaired"].Equal(i.Targets["repaired"].Due) {
		t.Errorf("running: %v", running)
	}
	about := r.Incident()
	if about.Identity["machine"] != "SRV-7" || len(about.Identity) != len(i.Identity) || about.Reports[0].By != "exploit" || !slices.Equal(about.Platforms(), []string{"lms-A"}) {
		t.Errorf("it concerns %+v", about)
	}
	for _, text := range []string{"#7", "srv-7", "ADM1", "lms-a", "primary customer0"} {
		if !r.Has(text, &inventory.Directory{}) {
			t.Errorf("%q does not find it", text)
		}
	}
	if r.Has("#77", &inventory.Directory{}) {
		t.Error("another number finds it")
	}
}

// The nearest deadline comes first; of one deadline, or of none, where no backup works.
func TestFirstOfRows(t *testing.T) {
	b := &Board{rows: map[uint32]*Row{}}
	for n, due := range map[int]int{1: 0, 2: 0, 3: 9, 4: 9, 5: 8} {
		i := failed(n)
		i.Flags = map[model.Flag]bool{model.FlagDoubleFailure: n%2 == 0}
		i.Targets = map[string]*incident.Clock{"taken": {}, "repaired": {}}
		if due > 0 {
			i.Targets["repaired"].Due = time.Date(2026, 3, 9, due, 0, 0, 0, time.UTC)
		}
		b.put(RowOf(i))
	}
	b.settle()
	var got []int
	for _, r := range b.sorted {
		got = append(got, r.Number())
	}
	if want := []int{5, 4, 3, 2, 1}; !slices.Equal(got, want) {
		t.Errorf("%v: want %v", got, want)
	}
}

// However rows come, change and go, the list has each open one once and in order.
func TestOrderOfRows(t *testing.T) {
	b, random := &Board{rows: map[uint32]*Row{}}, rand.New(rand.NewPCG(1, 2))
	for turn := range 20_000 {
		i := failed(1 + random.IntN(400))
		i.Flags = map[model.Flag]bool{model.FlagDoubleFailure: random.IntN(2) == 0}
		i.Targets["taken"].Due = i.Targets["taken"].Due.Truncate(time.Minute)
		switch random.IntN(4) {
		case 0:
			i.State = model.Resolved
		case 1:
			i.Targets = nil
		}
		b.put(RowOf(i))
		if len(b.fresh) > len(b.rows)+mostFresh {
			t.Fatalf("%d changes are held for %d rows", len(b.fresh), len(b.rows))
		}
		if turn%37 != 0 {
			continue
		}
		b.settle()
		if len(b.sorted) != len(b.rows) || !slices.IsSortedFunc(b.sorted, (*Row).compare) {
			t.Fatalf("turn %d: %d rows in the list, %d are open, or they are out of order", turn, len(b.sorted), len(b.rows))
		}
		for _, r := range b.sorted {
			if b.rows[r.number] != r {
				t.Fatalf("turn %d: the list has an older row of %d", turn, r.number)
			}
		}
	}
}
