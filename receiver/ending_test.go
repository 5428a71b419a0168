package receiver_test

import (
	"strings"
	"testing"
	"time"

	"vigie/rules/model"
)

var dog = alert{"alertname": "Watchdog"}

// S5 for probes: when Prometheus dies everything lapses, the probe's alert a
// moment before the watchdog's. That is no recovery.
func TestProbeLapsesBeforeWatchdog(t *testing.T) {
	r := newRig(t, 0)
	probe := alert{"alertname": "PageDown", "platform": "lms-A"}
	r.fires(dog, probe)
	id := r.the("platform=lms-A").ID
	r.pass(5 * time.Minute)
	r.fires(dog)
	r.clears(probe)
	r.pass(40 * time.Second)
	r.state(id, model.Open)
	r.restart() // what is held survives
	r.clears(dog)
	r.pass(3 * time.Minute)
	r.fires(dog) // it is back; the probe has not been seen well
	r.pass(3 * time.Minute)
	r.fires(dog)
	r.pass(2 * time.Second)
	r.state(id, model.Open)
}

// A probe that is well again ends its incident as soon as the watchdog has been
// heard long enough after it, and not when it fires again meanwhile.
func TestProbeWellAgain(t *testing.T) {
	r := newRig(t, 0)
	probe, flapping := alert{"alertname": "PageDown", "platform": "lms-A"}, alert{"alertname": "PageDown", "platform": "lms-B"}
	r.fires(dog, probe, flapping)
	r.pass(time.Minute)
	r.clears(probe, flapping)
	r.pass(30 * time.Second)
	r.restart()
	r.fires(flapping)
	r.state("i1", model.Open)
	r.pass(61 * time.Second)
	r.fires(dog)
	r.pass(2 * time.Second)
	r.state("i1", model.Resolved)
	r.state("i2", model.Open)
}

// Where Alertmanager can be asked, its word on when Prometheus last repeated the
// watchdog is enough.
func TestProbeWellAgainByReconciliation(t *testing.T) {
	r := newRig(t, 1)
	probe := alert{"alertname": "PageDown", "platform": "lms-A"}
	r.fires(dog, probe)
	r.pass(10 * time.Second)
	r.clears(probe)
	r.pass(20 * time.Second)
	r.state("i1", model.Open)
	r.pass(32 * time.Second)
	r.state("i1", model.Resolved)
}

// An Alertmanager that does not answer is told of, and its silences count as
// they were last known.
func TestAlertmanagerUnreachable(t *testing.T) {
	r := newRig(t, 2)
	a := backup("dupont", "SRV-AD", "primary")
	r.fires(a)
	for _, p := range r.peers {
		p.change(func() { p.alerts = append(p.alerts, a) })
	}
	// Only the second one knows the silence.
	r.peers[1].change(func() {
		r.peers[1].silences = append(r.peers[1].silences, silence("s1", "adm1", "srv-ad", monday, monday.Add(time.Hour)))
	})
	r.pass(61 * time.Second)
	if i := r.the("machine=SRV-AD"); i.Assignee != "adm1" {
		t.Fatalf("assignee %q", i.Assignee)
	}
	r.peers[1].change(func() { r.peers[1].broken = true })
	r.fails = true
	r.pass(2 * time.Minute)
	if n := len(r.incidents("scenario=blind")); n != 0 {
		t.Error("told of too early")
	}
	r.pass(3 * time.Minute)
	blind := r.the("scenario=blind")
	if mails := r.mails("blind"); len(mails) == 0 {
		t.Error("nobody was told")
	}
	if i := r.the("machine=SRV-AD"); !i.Flags[model.FlagSilenced] || i.Assignee != "adm1" {
		t.Error("the silence is taken for ended because nobody could be asked")
	}
	_, text := r.request("GET", "/api/v1/incidents/"+blind.ID, adm1Token, nil)
	if !strings.Contains(text, "alertmanager/am1") {
		t.Errorf("the incident does not name it:\n%s", text)
	}
	r.peers[1].change(func() { r.peers[1].broken = false })
	r.fails = false
	r.pass(61 * time.Second)
	r.state(blind.ID, model.Resolved)
}
