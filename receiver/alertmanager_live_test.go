package receiver_test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"vigie/rules/model"
)

// What the real Alertmanager answers: names that only UTF-8 has, receivers of
// several names, alerts that it holds back, and a cluster of two.

// reconfigure gives Alertmanager another configuration, in which HOOK stands for
// what reaches the receiver under test.
func (l *live) reconfigure(text string) {
	l.t.Helper()
	was, err := os.ReadFile(l.config)
	if err != nil {
		l.t.Fatal(err)
	}
	url := regexp.MustCompile(`http://127[0-9.:]+/api/v1/alertmanager`).Find(was)
	hook := fmt.Sprintf("webhook_configs: [{url: %q, send_resolved: true, http_config: {authorization: {credentials: %s}}}]", url, hookToken)
	if err := os.WriteFile(l.config, []byte(strings.ReplaceAll(text, "HOOK", hook)), 0o600); err != nil {
		l.t.Fatal(err)
	}
	resp, err := http.Post(l.base+"/-/reload", "", nil)
	if err != nil {
		l.t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		l.t.Fatalf("Alertmanager does not take its configuration: %s\n%s", resp.Status, text)
	}
}

// silenced asks Alertmanager for a silence as any of its users may.
func (l *live) silenced(comment string, matchers ...map[string]any) string {
	l.t.Helper()
	var out struct{ SilenceID string }
	if err := l.call(http.MethodPost, "/api/v2/silences", map[string]any{"createdBy": "adm2", "comment": comment, "startsAt": time.Now(),
		"endsAt": time.Now().Add(time.Hour), "matchers": matchers}, &out); err != nil {
		l.t.Fatal(err)
	}
	return out.SilenceID
}

func matcher(name, value string, regex, equal bool) map[string]any {
	return map[string]any{"name": name, "value": value, "isRegex": regex, "isEqual": equal}
}

// asRead is how long reconciliation takes to see what changed, several times over.
const asRead = 2500 * time.Millisecond

// covers: silences on names that Alertmanager allows since 0.27 are read like any
// other: they keep nobody from anything, and cover what they cover.
func TestLiveSilencesOfEveryShape(t *testing.T) {
	l := newLive(t)
	a, b := backup("dupont", "SRV-AD", "primary"), backup("martin", "SRV-FIC", "primary")
	b["service.name"], b["étage"] = `sh"o\p`, "3"
	l.failed(a, b)
	l.fire(a, b)
	l.until("open", func() bool { return l.is(a, model.Open)() && l.is(b, model.Open)() })
	for _, m := range [][]map[string]any{
		{matcher("k8s.pod.name", "shop-.*", true, true)},
		{matcher("deployment environment", "prod", false, true), matcher("étage", "", false, false)},
		{matcher("🔥", "yes|no", true, true)},
		{matcher("machine", "SRV-AD", false, true), matcher("service.name", ".+", true, true)}, // SRV-AD has no such label
	} {
		l.silenced("somebody else's", m...)
	}
	time.Sleep(asRead)
	for _, x := range []alert{a, b} {
		if i := l.the("machine=" + x["machine"]); i.Flags[model.FlagSilenced] {
			t.Errorf("%s is silenced by what does not cover it", x["machine"])
		}
	}
	if up := l.metric(`vigie_alertmanager_up{alertmanager="real0"}`); up != 1 || len(l.mails("blind")) != 0 {
		t.Fatalf("up %v, %d mails that monitoring is blind", up, len(l.mails("blind")))
	}
	l.silenced("the shop", matcher("service.name", `sh"o\p`, false, true), matcher("étage", "1|2", true, false))
	l.until("silenced by its labels", func() bool { return l.the("machine=SRV-FIC").Flags[model.FlagSilenced] })
	// An incident whose alert has such labels is silenced from here, too.
	l.act(http.StatusOK, adm1Token, l.the("machine=SRV-FIC").ID, "silence", map[string]string{"comment": "disk"})
	l.act(http.StatusOK, adm1Token, l.the("machine=SRV-AD").ID, "silence", map[string]string{"comment": "disk"})
	l.until("both in hand", func() bool { return l.the("machine=SRV-AD").Flags[model.FlagSilenced] })
}

const elsewhere = `route:
  receiver: dev
  group_by: [alertname]
  group_wait: 200ms
  group_interval: 1s
  repeat_interval: 1h
  routes:
    - {matchers: ['alertname="Watchdog"'], receiver: vigie-watchdog, repeat_interval: 1s}
    - {matchers: ['alertname=~"Backup.*"'], receiver: vigie, continue: true}
receivers:
  - name: dev
  - name: vigie-eu
  - name: vigie
    HOOK
  - name: vigie-watchdog
    HOOK
`

// covers: several receivers, of which two are ours. What goes to others is none of
// our business; an answer that holds nothing but the watchdog is a whole one.
func TestLiveReceiversOfSeveralNames(t *testing.T) {
	l := newLive(t)
	l.reconfigure(elsewhere)
	a, foreign := backup("dupont", "SRV-AD", "primary"), alert{"alertname": "ToasterOnFire", "severity": "critical"}
	l.failed(a)
	l.fire(a, foreign)
	l.until("open", l.is(a, model.Open))
	l.silence("SRV-AD", time.Hour)
	l.until("in hand", func() bool { return l.the("machine=SRV-AD").State == model.Taken })
	l.succeeded(a)
	l.resolve(a)
	l.until("resolved, though its silence kept the end from being told", l.is(a, model.Resolved))
	if n := len(l.incidents("ended=true")); n != 1 {
		t.Errorf("%d incidents, want that of the backup alone: what goes to another receiver is not ours", n)
	}
	if n := len(l.mails("blind")); n != 0 {
		t.Errorf("%d mails that monitoring is blind", n)
	}
}

const holding = `route:
  receiver: vigie
  group_by: [alertname, machine]
  group_wait: 200ms
  group_interval: 1s
  repeat_interval: 1h
  routes:
    - {matchers: ['alertname="Watchdog"'], repeat_interval: 1s}
    - {matchers: ['machine="SRV-MUTED"'], group_wait: 2s, mute_time_intervals: [always]}
    - {matchers: ['machine="SRV-CLOSED"'], group_wait: 2s, active_time_intervals: [never]}
time_intervals:
  - {name: always, time_intervals: [{times: [{start_time: "00:00", end_time: "24:00"}]}]}
  - {name: never, time_intervals: [{years: ["1999"]}]}
inhibit_rules:
  - {source_matchers: ['alertname="BackupSourceDown"'], target_matchers: ['machine!=""'], equal: [source]}
receivers:
  - name: vigie
    HOOK
`

// covers: what Alertmanager holds back, by another alert or by the hour, is told to
// nobody, is not over, and is told once nothing holds it back. That a group is muted
// Alertmanager says only once its wait is over.
func TestLiveHeldBack(t *testing.T) {
	l := newLive(t)
	l.reconfigure(holding)
	muted, closed, inhibited := backup("dupont", "SRV-MUTED", "primary"), backup("dupont", "SRV-CLOSED", "primary"), backup("martin", "SRV-FIC", "local")
	source := alert{"alertname": "BackupSourceDown", "source": "veeam-1", "engine": "veeam", "kind": "source_down"}
	l.failed(muted, closed, inhibited)
	l.fire(source)
	l.until("the source's alert is there", func() bool { return len(l.incidents("ended=true")) > 0 })
	l.fire(muted, closed, inhibited)
	time.Sleep(2 * asRead)
	for _, a := range []alert{muted, closed, inhibited} {
		if n := len(l.incidents("ended=true&machine=" + a["machine"])); n != 0 {
			t.Errorf("%s: %d incidents while Alertmanager holds its alert back", a["machine"], n)
		}
	}
	l.resolve(source)
	l.until("told once nothing inhibits it", l.is(inhibited, model.Open))
	was, err := os.ReadFile(l.config)
	if err != nil {
		t.Fatal(err)
	}
	free := regexp.MustCompile(`, (mute|active)_time_intervals: \[[a-z]+\]`).ReplaceAllString(string(was), "")
	l.reconfigure(free)
	l.until("told once nothing mutes it", func() bool { return l.is(muted, model.Open)() && l.is(closed, model.Open)() })
	// Held back again it is not over: nothing is told of it.
	l.reconfigure(string(was))
	time.Sleep(asRead)
	l.until("open as before", l.is(muted, model.Open))
}

// pair is a live rig of two Alertmanagers of one cluster.
func pair(t *testing.T) (l *live, other *live) {
	t.Helper()
	binary := amBinary(t)
	second := &live{base: "http://127.0.0.1:" + freePort(t)}
	l = newLiveWith(t, true, func(r *rig) { r.ams = append(r.ams, second.base) })
	second.rig, second.config, second.data = l.rig, l.config, filepath.Join(l.dir, "am2")
	l.endAM(syscall.SIGKILL)
	one, two := "127.0.0.1:"+freePort(t), "127.0.0.1:"+freePort(t)
	for _, m := range []struct {
		*live
		own, peer string
	}{{l, one, two}, {second, two, one}} {
		m.cluster = []string{"--cluster.listen-address=" + m.own, "--cluster.peer=" + m.peer, "--cluster.settle-timeout=200ms", "--cluster.gossip-interval=50ms",
			"--cluster.pushpull-interval=1s", "--cluster.probe-interval=200ms", "--cluster.probe-timeout=100ms", "--cluster.reconnect-interval=500ms"}
		m.startAM(binary)
	}
	for _, m := range []*live{l, second} {
		l.until("both are one cluster", func() bool {
			var s struct{ Cluster struct{ Peers []any } }
			return m.call(http.MethodGet, "/api/v2/status", nil, &s) == nil && len(s.Cluster.Peers) == 2
		})
	}
	return l, second
}

type madeSilence struct {
	ID, Comment string
	Annotations map[string]string
	Status      struct{ State string }
}

func (l *live) active() (out []madeSilence) {
	var all []madeSilence
	_ = l.call(http.MethodGet, "/api/v2/silences", nil, &all)
	return slices.DeleteFunc(all, func(s madeSilence) bool { return s.Status.State != "active" })
}

// tonight is the end of the day in the calendar of the example: as long as a silence
// may last at any hour.
func tonight(t *testing.T) time.Time {
	t.Helper()
	zone, err := time.LoadLocation("Europe/Paris")
	if err != nil {
		t.Fatal(err)
	}
	y, m, d := time.Now().In(zone).Date()
	return time.Date(y, m, d+1, 0, 0, 0, 0, zone)
}

// covers: two Alertmanagers of one cluster are one. An act makes one silence, which
// ends everywhere, and is made while one of the two is away; what others wrote into
// it stays when it is made longer.
func TestLiveCluster(t *testing.T) {
	l, other := pair(t)
	a := backup("dupont", "SRV-AD", "primary")
	l.failed(a)
	l.fire(a)
	l.until("open", l.is(a, model.Open))
	id := l.the("machine=SRV-AD").ID
	time.Sleep(asRead) // both have said which cluster they are of
	l.act(http.StatusOK, adm1Token, id, "silence", map[string]string{"comment": "disk"})
	l.until("both know it", func() bool { return len(l.active()) == 1 && len(other.active()) == 1 })
	time.Sleep(asRead)
	if n, m := l.active(), other.active(); len(n) != 1 || len(m) != 1 || n[0].ID != m[0].ID {
		t.Fatalf("%v and %v, want one silence", n, m)
	}
	// Somebody notes a ticket in it; then it is made longer from here.
	var got map[string]any
	if err := l.call(http.MethodGet, "/api/v2/silence/"+l.active()[0].ID, nil, &got); err != nil {
		t.Fatal(err)
	}
	got["annotations"] = map[string]string{"ticket": "4711"}
	delete(got, "status")
	delete(got, "updatedAt")
	if err := l.call(http.MethodPost, "/api/v2/silences", got, nil); err != nil {
		t.Fatal(err)
	}
	keeps := l.active()[0].Annotations["ticket"] != "" // older ones know no annotations
	l.until("the note is everywhere", func() bool {
		s := other.active()
		return len(s) == 1 && (!keeps || s[0].Annotations["ticket"] == "4711")
	})
	l.act(http.StatusOK, adm1Token, id, "silence", map[string]string{"comment": "the new disk is late", "until": tonight(t).Format(time.RFC3339)})
	l.until("longer everywhere", func() bool {
		s := other.active()
		return len(s) == 1 && strings.HasPrefix(s[0].Comment, "the new disk")
	})
	if s := l.active(); len(s) != 1 || keeps && s[0].Annotations["ticket"] != "4711" {
		t.Errorf("the silence that was made longer is %+v", s)
	}
	// One of the two is away: it is silenced all the same, once.
	l.fails = true
	b := backup("martin", "SRV-FIC", "primary")
	l.failed(b)
	l.fire(b)
	l.until("open", l.is(b, model.Open))
	l.endAM(syscall.SIGKILL)
	l.act(http.StatusOK, adm2Token, l.the("machine=SRV-FIC").ID, "silence", map[string]string{"comment": "at work"})
	if s := other.active(); len(s) != 2 {
		t.Fatalf("%d silences in the member that is up, want 2", len(s))
	}
	l.startAM(amBinary(t))
	l.until("the member that was away knows it", func() bool { return len(l.active()) == 2 })
	time.Sleep(asRead)
	if n, m := len(l.active()), len(other.active()); n != 2 || m != 2 {
		t.Errorf("%d and %d silences, want 2", n, m)
	}
	// Ended by a person in one of them, it is over for both and told.
	for _, s := range other.active() {
		if err := other.call(http.MethodDelete, "/api/v2/silence/"+s.ID, nil, nil); err != nil {
			t.Fatal(err)
		}
	}
	l.until("silenced no more", func() bool { return !l.the("machine=SRV-FIC").Flags[model.FlagSilenced] })
}

// covers: a "repaired" that waits to be told when it fails again is taken back: the
// last word is never that it is over while it fails.
func TestLiveRepairedOvertaken(t *testing.T) {
	l := newLiveWith(t, true, func(r *rig) { r.edits = []string{"hold: 60s", "hold: 7s"} })
	a := backup("dupont", "SRV-AD", "primary")
	l.failed(a)
	l.fire(a)
	l.until("told", func() bool { return len(l.mails("opened")) == 1 })
	l.succeeded(a)
	l.resolve(a)
	l.until("resolved", l.is(a, model.Resolved))
	l.prom.job(a, 3, time.Now().Add(4*time.Second), time.Now().Add(2*time.Second), time.Now())
	l.fire(a)
	l.until("open again", l.is(a, model.Open))
	l.until("told again", func() bool { return len(l.mails("opened", "reopened")) >= 2 })
	if n := len(l.mails("repaired", "works_again", "resolved")); n != 0 {
		t.Errorf("%d mails say that it is over, while it fails", n)
	}
}
