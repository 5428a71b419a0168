package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// world builds fleets over one file with a clock of the test's own.
type world struct {
	t    *testing.T
	file string
	now  time.Time
}

func newWorld(t *testing.T) *world {
	return &world{t, filepath.Join(t.TempDir(), "fleet.json"), time.Date(2026, 3, 9, 7, 10, 0, 0, time.UTC)}
}

func (w *world) fleet() *Fleet {
	w.t.Helper()
	dir, err := (&Files{Root: root(w.t)}).Inventory()
	if err != nil {
		w.t.Fatal(err)
	}
	f, err := NewFleet(FleetOptions{File: w.file, Exports: w.t.TempDir(), Directory: dir, Credentials: Credentials{"id", "secret", "user", "password"}, Now: func() time.Time { return w.now }})
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(f.Close)
	return f
}

func (w *world) machine(f *Fleet, key string) Machine {
	w.t.Helper()
	for _, m := range f.Machines() {
		if m.Key() == key {
			return m
		}
	}
	w.t.Fatalf("no %s", key)
	return Machine{}
}

func (w *world) do(f *Fleet, key string, e Event, text string) {
	w.t.Helper()
	if err := f.Machine(key, e, text); err != nil {
		w.t.Fatal(err)
	}
}

func TestTheFleetIsTheInventory(t *testing.T) {
	w := newWorld(t)
	f := w.fleet()
	ad := w.machine(f, "dupont/SRV-AD")
	if ad.Primary == nil || ad.Local == nil || ad.Local.name != "srv-ad.dupont.local" || ad.Local.Source != "veeam-dupont" {
		t.Errorf("SRV-AD: %+v", ad)
	}
	if m := w.machine(f, "martin/SRV-FIC"); m.Local == nil || m.Local.Engine != "windows_server_backup" {
		t.Errorf("SRV-FIC: %+v", m)
	}
	if m := w.machine(f, "leroy/PC-COMPTA"); m.Primary == nil || m.Class != "workstation" {
		t.Errorf("PC-COMPTA: %+v", m)
	}
	if want := time.Date(2026, 3, 8, nightHour, 0, 0, 0, time.UTC); !ad.Primary.LastGood.Equal(want) {
		t.Errorf("the last good night was %v, not %v", ad.Primary.LastGood, want)
	}
}

func TestWhatHappenedSurvivesARestart(t *testing.T) {
	w := newWorld(t)
	f := w.fleet()
	ids := map[string]string{}
	for _, m := range f.Machines() {
		if m.Primary != nil {
			ids[m.Key()] = m.Primary.id
		}
	}
	w.do(f, "dupont/SRV-AD", FailPrimary, "disk on fire")
	w.do(f, "dupont/NAS-01", FailLocal, "")
	w.do(f, "martin/PC-PAUL", SwitchOff, "")
	w.do(f, "leroy/PC-COMPTA", Delete, "")
	failed := w.now
	w.now = w.now.Add(72 * time.Hour)
	f = w.fleet()
	if b := w.machine(f, "dupont/SRV-AD").Primary; b.Condition != Failing || b.Error != "disk on fire" || !b.LastBad.Equal(failed) || b.LastGood.After(failed) {
		t.Errorf("SRV-AD: %+v", b)
	}
	if b := w.machine(f, "dupont/NAS-01").Local; b.Condition != Failing || b.Error == "" {
		t.Errorf("NAS-01: %+v", b)
	}
	if b := w.machine(f, "martin/PC-PAUL").Primary; b.Condition != Off {
		t.Errorf("PC-PAUL: %+v", b)
	}
	if b := w.machine(f, "leroy/PC-COMPTA").Primary; b.Condition != Gone {
		t.Errorf("PC-COMPTA: %+v", b)
	}
	if n, all := len(f.products.made["acronis"].(*acronisCloud).sim.Machines()), inCloud(f); n != all-1 {
		t.Errorf("the data centre knows %d of %d machines, one was deleted", n, all)
	}
	if b := w.machine(f, "leroy/SRV-WEB").Primary; b.Condition != Good || !b.LastGood.Equal(lastNight(w.now)) {
		t.Errorf("the nights without the lab were good ones: %+v", b)
	}
	for _, m := range f.Machines() {
		if m.Primary != nil && m.Primary.id != ids[m.Key()] {
			t.Errorf("%s has another id in the data centre: its jobs would be new ones", m.Key())
		}
	}
	w.do(f, "dupont/SRV-AD", Repair, "")
	w.do(f, "leroy/PC-COMPTA", Repair, "")
	for _, key := range []string{"dupont/SRV-AD", "leroy/PC-COMPTA"} {
		if b := w.machine(f, key).Primary; b.Condition != Good || b.Error != "" || !b.LastGood.Equal(w.now) {
			t.Errorf("%s: %+v", key, b)
		}
	}
	if n, all := len(f.products.made["acronis"].(*acronisCloud).sim.Machines()), inCloud(f); n != all {
		t.Errorf("the data centre knows %d of %d machines", n, all)
	}
}

func inCloud(f *Fleet) (n int) {
	for _, m := range f.Machines() {
		if m.Primary != nil && m.Primary.Source == "acronis" {
			n++
		}
	}
	return n
}

func TestNights(t *testing.T) {
	w := newWorld(t)
	f := w.fleet()
	w.do(f, "dupont/SRV-AD", FailPrimary, "disk on fire")
	before := w.machine(f, "dupont/SRV-AD").Primary
	if err := f.Night(); err != nil {
		t.Fatal(err)
	}
	if b := w.machine(f, "dupont/SRV-AD").Primary; *b != *before {
		t.Errorf("a night by day: %+v", b)
	}
	w.now = time.Date(2026, 3, 9, nightHour, 0, 30, 0, time.UTC)
	if err := f.Night(); err != nil {
		t.Fatal(err)
	}
	if b := w.machine(f, "dupont/SRV-AD").Primary; b.Condition != Failing || !b.LastBad.Equal(w.now) || !b.LastGood.Equal(before.LastGood) {
		t.Errorf("what is broken fails again: %+v", b)
	}
	if b := w.machine(f, "dupont/SRV-AD").Local; !b.LastGood.Equal(w.now) {
		t.Errorf("what is well succeeds: %+v", b)
	}
}

func TestWhatCannotHappen(t *testing.T) {
	w := newWorld(t)
	f := w.fleet()
	w.do(f, "leroy/PC-COMPTA", Delete, "")
	for _, c := range []struct {
		key  string
		do   Event
		says string
	}{
		{"dupont/PC-LEO", Repair, "inventory"},
		{"martin/PC-PAUL", FailLocal, "no such backup"},
		{"dupont/SRV-AD", SwitchOff, "not a workstation"},
		{"leroy/PC-COMPTA", FailPrimary, "repair it first"},
		{"dupont/SRV-AD", StopRead, "not something"},
	} {
		if err := f.Machine(c.key, c.do, ""); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s %s: %v", c.do, c.key, err)
		}
	}
	if err := f.Source("veeam-martin", StopRead); err == nil {
		t.Error("martin has no Veeam server")
	}
	if err := f.Source("acronis", Delete); err == nil {
		t.Error("a source cannot be deleted")
	}
}

func TestADamagedPast(t *testing.T) {
	w := newWorld(t)
	if err := os.WriteFile(w.file, []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	dir, err := (&Files{Root: root(t)}).Inventory()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := NewFleet(FleetOptions{File: w.file, Exports: w.t.TempDir(), Directory: dir, Now: time.Now}); err == nil || !strings.Contains(err.Error(), "delete it") {
		t.Errorf("got %v", err)
	}
}
