package receiver_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"vigie/receiver/alertmanager"
	"vigie/rules/model"
)

// One element that cannot be read takes nothing else with it: neither a silence
// on names that only UTF-8 has, nor what is broken beyond reading.
func TestOneBadElementOfAlertmanager(t *testing.T) {
	r := newRig(t, 1)
	p, a := r.peers[0], backup("dupont", "SRV-AD", "primary")
	foreign := func(id string, matchers ...any) map[string]any {
		return map[string]any{"id": id, "createdBy": "dev", "comment": "deploy", "startsAt": r.now(), "endsAt": r.now().Add(4 * time.Hour), "updatedAt": r.now(),
			"status": map[string]string{"state": "active"}, "matchers": matchers}
	}
	p.change(func() {
		p.alerts = append(p.alerts, a)
		p.silences = append(p.silences,
			foreign("1", map[string]any{"name": "service.name", "value": "sh\u00a0\"o\\p\n", "isRegex": false, "isEqual": true}),
			foreign("2", map[string]any{"name": "étage", "value": "3|4", "isRegex": true, "isEqual": false}, map[string]any{"name": "machine", "value": "SRV-AD", "isRegex": false, "isEqual": true}),
			foreign("3", nil), foreign("4", map[string]any{"name": "a", "value": "(", "isRegex": true, "isEqual": true}), foreign("5", "nonsense"), nil)
	})
	r.fires(dog, a)
	r.stride(3*time.Minute, 10*time.Second)
	if up := r.metric(`vigie_alertmanager_up{alertmanager="am0"}`); up != 1 {
		t.Fatalf("up is %v", up)
	}
	// étage!~"3|4" and machine="SRV-AD" covers it: what can be read counts.
	if i := r.the("machine=SRV-AD"); i.Assignee != "dev" && !i.Flags["silenced"] {
		t.Errorf("the readable silence is passed over: %+v", i)
	}
	r.act(http.StatusOK, adm1Token, "1", "silence", map[string]string{"comment": "disk"})
}

// What Alertmanager keeps back is told to nobody while it does so, and within a
// reconciliation afterwards; what was told before goes on.
func TestHeldBackByAlertmanager(t *testing.T) {
	for _, kind := range []string{"inhibited", "muted"} {
		t.Run(kind, func(t *testing.T) {
			r := newRig(t, 2)
			a := backup("dupont", "SRV-AD", "primary")
			hold := func(by ...string) {
				for _, p := range r.peers {
					p.change(func() {
						p.alerts = []alert{dog, a}
						held := map[string][]string{alertmanager.Fingerprint(a): by}
						if p.inhibited, p.muted = held, nil; kind == "muted" {
							p.inhibited, p.muted = nil, held
						}
					})
				}
			}
			hold("nights")
			for range 10 {
				r.fires(dog)
				r.stride(time.Minute, 20*time.Second)
			}
			if n := len(r.sink.Messages()); n != 0 || len(r.incidents("machine=SRV-AD")) != 0 {
				t.Fatalf("%d mails, incidents %v", n, r.incidents("machine=SRV-AD"))
			}
			hold()
			r.fires(dog)
			r.stride(3*time.Minute, 10*time.Second)
			if n := len(r.mails("opened")); n != 1 {
				t.Fatalf("%d mails once it is held back no more", n)
			}
			hold("nights")
			for range 10 {
				r.fires(dog)
				r.stride(time.Minute, 20*time.Second)
			}
			r.state("1", "open") // held back is not over
		})
	}
}

// Members of one cluster are one: one silence, also while one of them is down.
func TestClusterOfAlertmanagers(t *testing.T) {
	r := newRig(t, 2)
	a := backup("dupont", "SRV-AD", "primary")
	for i, p := range r.peers {
		p.change(func() {
			p.alerts, p.name, p.members = []alert{dog, a}, []string{"01A", "01B"}[i], []string{"01A", "01B"}
		})
	}
	r.fires(dog, a)
	r.stride(2*time.Minute, 10*time.Second)
	r.act(http.StatusOK, adm1Token, "1", "silence", map[string]string{"comment": "disk"})
	if n, m := len(r.peers[0].silences), len(r.peers[1].silences); n+m != 1 {
		t.Errorf("%d and %d silences, want one in the cluster", n, m)
	}
	// The one that has it is down: the other takes it.
	r.fails = true
	r.peers[0].change(func() { r.peers[0].broken = true })
	r.act(http.StatusOK, adm2Token, "1", "silence", map[string]string{"comment": "still at it"})
	if m := len(r.peers[1].silences); m != 1 {
		t.Errorf("%d silences in the member that is up", m)
	}
	r.peers[1].change(func() { r.peers[1].broken = true })
	r.act(http.StatusServiceUnavailable, adm1Token, "1", "silence", map[string]string{"comment": "nobody is up"})
}

// A peer that has been out of reach since the start keeps nobody from silencing:
// the others take it, once, and the journal says which did not.
func TestSilenceWhileAPeerIsOutOfReach(t *testing.T) {
	r := newRig(t, 3)
	r.fails = true
	r.peers[1].Server.Close()
	a := backup("dupont", "SRV-AD", "primary")
	for i, p := range r.peers { // the one that is away belongs to the cluster of the first
		p.change(func() {
			p.alerts = []alert{dog, a}
			if i == 0 {
				p.name, p.members = "01A", []string{"01A"}
			}
		})
	}
	r.fires(dog, a)
	r.stride(2*time.Minute, 10*time.Second)
	for range 2 {
		r.act(http.StatusOK, adm1Token, "1", "silence", map[string]string{"comment": "disk"})
	}
	if n, m := len(r.peers[0].silences), len(r.peers[2].silences); n != 1 || m != 1 {
		t.Errorf("%d and %d silences, want one each", n, m)
	}
	if _, journal := r.request(http.MethodGet, "/api/v1/incidents/1/journal", adm1Token, nil); !strings.Contains(journal, "without am1, out of reach") {
		t.Errorf("the journal does not say which did not take it:\n%s", journal)
	}
	// One that answers and does not take it is another matter, and so is none at all.
	r.peers[2].change(func() { r.peers[2].refuses = true })
	r.act(http.StatusServiceUnavailable, adm2Token, "1", "silence", map[string]string{"comment": "disk"})
	if n := len(r.peers[0].silences); n != 1 {
		t.Errorf("%d silences after a refusal, want the first alone", n)
	}
	r.peers[0].Server.Close()
	r.peers[2].Server.Close()
	r.act(http.StatusServiceUnavailable, adm1Token, "1", "silence", map[string]string{"comment": "longer"})
}

// One that takes connections and answers none, as a machine that is stopped or a firewall
// that drops what it forwarded, costs its own time: the others take the silence.
func TestSilenceWhileAPeerHangs(t *testing.T) {
	r := newRig(t, 2)
	a := backup("dupont", "SRV-AD", "primary")
	for _, p := range r.peers {
		p.change(func() { p.alerts = []alert{dog, a} })
	}
	r.fires(dog, a)
	r.stride(2*time.Minute, 10*time.Second)
	r.peers[0].change(func() { // hangs meanwhile
		r.act(http.StatusOK, adm1Token, "1", "silence", map[string]string{"comment": "disk"})
	})
	if n := len(r.peers[1].silences); n != 1 {
		t.Errorf("%d silences in the one that answers", n)
	}
}

// Whoever made a silence ends it, in each Alertmanager that has it, wherever it was made;
// somebody else does with a reason, and its author is told.
func TestASilenceIsEndedByItsAuthor(t *testing.T) {
	r := newRig(t, 2)
	a := backup("dupont", "SRV-AD", "primary")
	for _, p := range r.peers {
		p.change(func() { p.alerts = []alert{dog, a} })
	}
	r.fires(dog, a)
	r.stride(2*time.Minute, 10*time.Second)
	r.act(http.StatusConflict, adm1Token, "1", "unsilence", nil)
	r.act(http.StatusOK, adm1Token, "1", "silence", map[string]string{"comment": "disk"})
	r.stride(2*time.Minute, 10*time.Second)
	r.act(http.StatusConflict, adm2Token, "1", "unsilence", nil)
	if i := r.the("machine=SRV-AD"); !i.Flags[model.FlagSilenced] {
		t.Fatal("it is not silenced")
	}
	r.act(http.StatusOK, adm1Token, "1", "unsilence", nil)
	r.stride(2*time.Minute, 10*time.Second)
	if i := r.the("machine=SRV-AD"); i.Flags[model.FlagSilenced] || len(i.Silences) != 0 || len(r.mails("silence_over")) != 0 {
		t.Errorf("ended by its author it is silenced %v by %v; told were %d", i.Flags[model.FlagSilenced], i.Silences, len(r.mails("silence_over")))
	}

	// What runs on after the end of the incident can be ended, too: it would hide the next failure.
	r.act(http.StatusOK, adm1Token, "1", "silence", map[string]string{"comment": "disk"})
	r.stride(2*time.Minute, 10*time.Second)
	r.act(http.StatusOK, adm1Token, "1", "close", map[string]string{"reason": "duplicate"})
	r.act(http.StatusOK, adm1Token, "1", "unsilence", nil)
	r.act(http.StatusConflict, adm1Token, "1", "unsilence", nil)

	r.act(http.StatusOK, adm1Token, "1", "reopen", nil)
	var matchers []any // the pages of Alertmanager and of karma write as many as the alert has labels
	for name, value := range a {
		matchers = append(matchers, map[string]any{"name": name, "value": value, "isRegex": false, "isEqual": true})
	}
	for i, p := range r.peers {
		byHand := silence(fmt.Sprintf("00000000-0000-4000-8000-00000000000%d", i), "Adm1@MSP.example", "SRV-AD", r.now(), r.now().Add(4*time.Hour))
		byHand["matchers"] = matchers
		p.change(func() { p.silences = append(p.silences, byHand) })
	}
	r.stride(2*time.Minute, 10*time.Second)
	if i := r.the("machine=SRV-AD"); !i.Flags[model.FlagSilenced] {
		t.Fatal("it is not silenced by hand")
	}
	if text := r.act(http.StatusConflict, adm2Token, "1", "unsilence", nil); !strings.Contains(text, "(adm1) silenced it until") {
		t.Errorf("refused without saying whose it is: %s", text)
	}
	r.act(http.StatusUnprocessableEntity, adm2Token, "1", "unsilence", map[string]string{"force": "yes"})
	r.act(http.StatusOK, adm2Token, "1", "unsilence", map[string]string{"force": "yes", "reason": "disk replaced"})
	r.stride(2*time.Minute, 10*time.Second)
	if i := r.the("machine=SRV-AD"); i.Flags[model.FlagSilenced] || len(i.Silences) != 0 {
		t.Errorf("ended by somebody else it is silenced by %v", i.Silences)
	}
	if told := r.mails("silence_over"); len(told) != 1 {
		t.Errorf("%d mails say that the silence is over, want one to its author", len(told))
	}
}

// While no Alertmanager can be reached none is ended, and that is what is said.
func TestASilenceThatCannotBeEnded(t *testing.T) {
	r := newRig(t, 1)
	p, a := r.peers[0], backup("dupont", "SRV-AD", "primary")
	p.change(func() { p.alerts = []alert{dog, a} })
	r.fires(dog, a)
	r.stride(2*time.Minute, 10*time.Second)
	r.act(http.StatusOK, adm1Token, "1", "silence", map[string]string{"comment": "disk"})
	r.stride(2*time.Minute, 10*time.Second)
	p.Server.Close()
	if text := r.act(http.StatusServiceUnavailable, adm1Token, "1", "unsilence", nil); !strings.Contains(text, "no silence was ended") {
		t.Errorf("the answer is %s", text)
	}
}

// A silence that is made longer keeps what others wrote into it, and what this
// program has never heard of.
func TestExtendedSilenceKeepsItsAnnotations(t *testing.T) {
	r := newRig(t, 1)
	p, a := r.peers[0], backup("dupont", "SRV-AD", "primary")
	p.change(func() { p.alerts = []alert{dog, a} })
	r.fires(dog, a)
	r.stride(2*time.Minute, 10*time.Second)
	r.act(http.StatusOK, adm1Token, "1", "silence", map[string]string{"comment": "disk"})
	p.change(func() {
		p.silences[0]["annotations"] = map[string]any{"ticket": "4711"}
		p.silences[0]["novelty"] = []any{"x"}
	})
	r.stride(time.Minute, 10*time.Second)
	r.act(http.StatusOK, adm1Token, "1", "silence", map[string]string{"comment": "the new disk is late"})
	if len(p.silences) != 1 {
		t.Fatalf("%d silences", len(p.silences))
	}
	s := p.silences[0]
	notes, _ := s["annotations"].(map[string]any)
	if text, _ := s["comment"].(string); !strings.HasPrefix(text, "the new disk is late") || notes["ticket"] != "4711" || s["novelty"] == nil {
		t.Errorf("the silence became %v", s)
	}
}

// The filter that is shipped lets the watchdog pass; the narrow one of before
// leaves an empty answer, which ends what is repaired as long as the watchdog is
// heard, and nothing when it is not.
func TestNothingFiresAtTheReceiver(t *testing.T) {
	for _, heard := range []bool{true, false} {
		r := newRig(t, 1)
		p, a := r.peers[0], backup("dupont", "SRV-AD", "primary")
		r.prom.job(a, 3, r.now().Add(-time.Hour), r.now().Add(-25*time.Hour), r.now())
		p.change(func() { p.alerts = []alert{a} })
		r.fires(dog, a)
		r.stride(3*time.Minute, 10*time.Second)
		r.prom.job(a, 1, r.now(), r.now(), r.now())
		p.change(func() { p.alerts = nil })
		for range 20 {
			if heard {
				r.fires(dog)
			}
			r.prom.source("acronis-1", 1, r.now())
			r.stride(time.Minute, 20*time.Second)
		}
		r.state("1", map[bool]model.State{true: model.Resolved, false: model.Open}[heard])
	}
}

// Two Alertmanagers know nothing of each other: a plan of the machine is told to each. One
// is silenced where it fires; the other cannot be asked, and what is in hand there nobody
// knows: unknown is not silenced.
func TestSilenceWhereAnotherCannotBeAsked(t *testing.T) {
	r := newRig(t, 2)
	daily, hourly := backup("dupont", "SRV-AD", "primary"), backup("dupont", "SRV-AD", "primary")
	hourly["plan"], hourly["job_id"] = "hourly", "hourly"
	here, there := r.peers[0], r.peers[1]
	here.change(func() { here.alerts = append(here.alerts, daily) })
	there.change(func() { there.alerts = append(there.alerts, hourly) })
	r.fires(dog, daily, hourly)
	r.pass(time.Minute)
	there.change(func() { there.broken = true })
	r.fails = true
	one := silence("00000000-0000-4000-8000-000000000001", "adm1", "SRV-AD", r.now(), r.now().Add(4*time.Hour))
	one["matchers"] = []any{map[string]any{"name": "plan", "value": daily["plan"], "isRegex": false, "isEqual": true}}
	here.change(func() {
		here.silences = append(here.silences, one)
		here.silenced[alertmanager.Fingerprint(daily)] = []string{one["id"].(string)}
	})
	r.pass(3 * time.Minute)
	if i := r.the("machine=SRV-AD"); len(i.Silences) != 1 || i.Flags[model.FlagSilenced] {
		t.Errorf("with %d silences of one plan, silenced is %v while nobody can say of the other", len(i.Silences), i.Flags[model.FlagSilenced])
	}
	// A silence of the whole machine covers it whatever the other would say.
	here.change(func() {
		here.silences = append(here.silences, silence("00000000-0000-4000-8000-000000000002", "adm1", "SRV-AD", r.now(), r.now().Add(4*time.Hour)))
	})
	r.pass(2 * time.Minute)
	if i := r.the("machine=SRV-AD"); len(i.Silences) != 2 || !i.Flags[model.FlagSilenced] {
		t.Errorf("with %d silences, one of the whole machine, silenced is %v", len(i.Silences), i.Flags[model.FlagSilenced])
	}
}
