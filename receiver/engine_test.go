package receiver_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"vigie/receiver/alertmanager"
	"vigie/receiver/smtpsink"
	"vigie/receiver/store"
	"vigie/rules/explain"
	"vigie/rules/model"
)

func TestOpeningMail(t *testing.T) {
	r := newRig(t, 0)
	a, other := backup("dupont", "srv-ad.dupont.local", "primary"), backup("dupont", "SRV-AD", "local")
	r.prom.job(a, 3, monday.Add(-time.Hour), monday.Add(-30*time.Hour), monday)
	r.prom.job(other, 1, monday.Add(-5*time.Hour), monday.Add(-5*time.Hour), monday)
	r.fires(a)
	r.pass(59 * time.Second)
	if n := len(r.sink.Messages()); n != 0 {
		t.Fatalf("%d mails before the hold ended", n)
	}
	r.pass(2 * time.Second)
	mails := r.sink.Messages()
	if len(mails) != 1 || !slices.Equal(mails[0].Recipients, []string{"sup@msp.example"}) {
		t.Fatalf("mails: %+v", mails)
	}
	m := mails[0]
	for _, want := range []string{"SRV-AD", "Dupont", "daily"} {
		if !strings.Contains(m.Text, want) {
			t.Errorf("the mail does not say %q:\n%s", want, m.Text)
		}
	}
	if m.MessageID == "" || len(m.MessageID) > 60 || m.Header("Auto-Submitted") != "auto-generated" || m.Header("X-Incident-ID") != "i1" {
		t.Errorf("headers: id %q, incident %q", m.MessageID, m.Header("X-Incident-ID"))
	}
	i := r.the("machine=SRV-AD")
	if i.Other.State != model.EvidenceOK || i.Other.Engine != "veeam" {
		t.Errorf("the local backup is %q by %q, want ok by veeam", i.Other.State, i.Other.Engine)
	}
	if got := r.metric(`vigie_incidents_open{scenario="server",state="open"}`); got != 1 {
		t.Errorf("vigie_incidents_open is %v", got)
	}
	if got := r.metric(`vigie_notifications_sent_total{result="accepted",template="B1"}`); got != 1 {
		t.Errorf("vigie_notifications_sent_total is %v", got)
	}
	verify(t, r, "i1")
}

// verify recomputes an incident's chain.
func verify(t *testing.T, r *rig, id string) {
	t.Helper()
	var lines []store.Line
	r.get("/api/v1/incidents/"+id+"/journal", &lines)
	if len(lines) == 0 {
		t.Fatal("the journal is empty")
	}
	var before []byte
	for n, l := range lines {
		if l.Line != int64(n+1) || !bytes.Equal(l.Previous, before) || !bytes.Equal(l.Hash, l.Sum()) {
			t.Fatalf("line %d of %s does not fit its chain", l.Line, id)
		}
		if (l.Personal == "") != (l.Commitment == nil) {
			t.Errorf("line %d: personal text without commitment, or the other way round", l.Line)
		}
		before = l.Hash
	}
}

// T4: the same delivery fifty times in parallel is one incident and one mail.
func TestSameDeliveryInParallel(t *testing.T) {
	r := newRig(t, 0)
	body := delivery("firing", r.now(), time.Time{}, backup("dupont", "SRV-AD", "primary"))
	var wg sync.WaitGroup
	codes := make([]int, 50)
	for i := range codes {
		wg.Go(func() { codes[i], _ = r.request(http.MethodPost, "/api/v1/alertmanager", hookToken, body) })
	}
	wg.Wait()
	for _, c := range codes {
		if c != http.StatusOK {
			t.Fatalf("answers: %v", codes)
		}
	}
	r.pass(2 * time.Minute)
	r.the("")
	if n := len(r.sink.Messages()); n != 1 {
		t.Errorf("%d mails, want 1", n)
	}
	if got := r.metric(`vigie_webhook_requests_total{code="200"}`); got != 50 {
		t.Errorf("%v deliveries counted", got)
	}
}

func TestBadInput(t *testing.T) {
	r := newRig(t, 0)
	good := delivery("firing", r.now(), time.Time{}, backup("dupont", "SRV-AD", "primary"))
	for _, c := range []struct {
		name, body, token, want string
		code                    int
	}{
		{"cut off", `{"alerts":[{"status":`, hookToken, "byte 21", 400},
		{"wrong type", `{"alerts":[{"status":"firing","labels":{"a":1}}]}`, hookToken, "alerts.labels", 400},
		{"no alerts", `{"text":"hello"}`, hookToken, "alerts", 400},
		{"no labels", `{"alerts":[{"status":"firing"}]}`, hookToken, "alerts[0].labels", 400},
		{"bad status", `{"alerts":[{"status":"maybe","labels":{"a":"b"}}]}`, hookToken, "alerts[0].status", 400},
		{"bad time", `{"alerts":[{"status":"firing","labels":{"a":"b"},"startsAt":"yesterday"}]}`, hookToken, "yesterday", 400},
		{"no token", string(good), "", "token", 401},
		{"wrong token", string(good), "x" + hookToken, "token", 401},
		{"a person's token", string(good), adm1Token, "token", 401},
	} {
		code, text := r.request(http.MethodPost, "/api/v1/alertmanager", c.token, []byte(c.body))
		if code != c.code || !strings.Contains(text, c.want) {
			t.Errorf("%s: %d %q, want %d with %q", c.name, code, text, c.code, c.want)
		}
	}
	if code, _ := r.request(http.MethodGet, "/api/v1/alertmanager", hookToken, nil); code != http.StatusMethodNotAllowed {
		t.Errorf("GET: %d, want 405", code)
	}
	for _, path := range []string{"//api/v1/alertmanager", "/api/v1/alertmanager/", "/api/v1/../v1/alertmanager"} {
		if code, _ := r.request(http.MethodPost, path, hookToken, good); code/100 == 3 || code == 200 {
			t.Errorf("POST %s: %d: a redirect is followed as a GET and taken for success", path, code)
		}
	}
	for _, path := range []string{"/api/v1/incidents", "/api/v1/incidents/i1", "/api/v1/incidents/i1/journal"} {
		if code, _ := r.request(http.MethodGet, path, "", nil); code != http.StatusUnauthorized {
			t.Errorf("GET %s without token: %d", path, code)
		}
	}
	if n := len(r.incidents("ended=true")); n != 0 {
		t.Errorf("%d incidents from bad input", n)
	}
}

func TestStoreClosed(t *testing.T) {
	r := newRig(t, 0)
	if err := r.db.Close(); err != nil {
		t.Fatal(err)
	}
	r.post(http.StatusServiceUnavailable, delivery("firing", r.now(), time.Time{}, backup("dupont", "SRV-AD", "primary")))
	if code, _ := r.request(http.MethodGet, "/-/ready", "", nil); code != http.StatusServiceUnavailable {
		t.Errorf("ready: %d", code)
	}
	r.db = nil
	r.start()
	r.fires(backup("dupont", "SRV-AD", "primary"))
	r.the("machine=SRV-AD")
}

// An alert without a class is a server's, and counted; one that fits no
// scenario falls into the last one and is mailed.
func TestNothingIsLost(t *testing.T) {
	r := newRig(t, 0)
	classless := backup("martin", "SRV-X", "primary")
	delete(classless, "machine_class")
	r.fires(classless, alert{"alertname": "Strange"}, alert{"alertname": "Odd", "signal": "l2_voluntary", "platform": "lms-A"})
	if i := r.the("machine=SRV-X"); i.Scenario != "server" {
		t.Errorf("scenario %q, want server", i.Scenario)
	}
	if n := len(r.incidents("scenario=rest")); n != 2 {
		t.Errorf("%d incidents in the last scenario, want 2", n)
	}
	if got := r.metric(`vigie_data_quality_issues{issue="machine_class_missing"}`); got != 1 {
		t.Errorf("machine_class_missing is %v", got)
	}
	if got := r.metric(`vigie_data_quality_issues{issue="signal_kind_unknown"}`); got != 1 {
		t.Errorf("signal_kind_unknown is %v", got)
	}
	r.pass(61 * time.Second)
	told := 0
	for _, m := range r.mails("opened") {
		if m.Recipients[0] == "sup@msp.example" {
			told++
		}
	}
	if told == 0 {
		t.Error("the supervisor was not told")
	}
	r.clears(classless)
	if got := r.metric(`vigie_data_quality_issues{issue="machine_class_missing"}`); got > 0 {
		t.Errorf("machine_class_missing is still %v", got)
	}
}

func TestEscalate(t *testing.T) {
	r := newRig(t, 0)
	r.fires(backup("dupont", "SRV-AD", "primary"))
	r.pass(61 * time.Second)
	r.act(http.StatusUnauthorized, "nobody's-token-000000", "1", "take", nil)
	r.act(http.StatusNotFound, adm1Token, "77", "take", nil)
	r.act(http.StatusOK, adm1Token, "1", "take", nil)
	if text := r.act(http.StatusConflict, adm2Token, "i1", "take", nil); !strings.Contains(text, "adm1") {
		t.Errorf("the refusal does not name who has it: %s", text)
	}
	r.act(http.StatusUnprocessableEntity, adm1Token, "i1", "dance", nil)
	// A field that the act does not have is refused, with those that it has.
	text := r.act(http.StatusUnprocessableEntity, adm1Token, "i1", "take", map[string]string{"until": "2026-03-10"})
	if !strings.Contains(text, "until") || !strings.Contains(text, "it knows force, note, reason") {
		t.Errorf("refused with %s", text)
	}
	r.act(http.StatusOK, adm1Token, "%231", "escalate", map[string]string{"reason": "the disk is broken"})
	r.pass(61 * time.Second)
	mails := r.mails("account_manager")
	if len(mails) != 3 {
		t.Fatalf("%d transmissions, want one for each of To and Cc", len(mails))
	}
	var envelope []string
	for _, m := range mails {
		envelope = append(envelope, m.Recipients...)
		if m.MessageID != mails[0].MessageID {
			t.Error("one message has two Message-IDs")
		}
		if to, cc := smtpsink.Bare(m.To), smtpsink.Bare(m.Cc); !slices.Equal(to, []string{"am.dupont@msp.example"}) ||
			!slices.Equal(cc, []string{"expert@msp.example", "vijay@msp.example"}) {
			t.Errorf("headers: to %v cc %v", to, cc)
		}
		// None of them had the opening: a ticket tool would take a reference to it
		// for a new thread each time.
		if m.Header("References") != "" || m.Header("In-Reply-To") != "" {
			t.Errorf("%v read about a mail that they never had: %q", m.Recipients, m.Header("References"))
		}
		if intake := slices.Contains(m.Recipients, "expert@msp.example"); intake != (m.Header("Auto-Submitted") == "") {
			t.Errorf("%v: Auto-Submitted is %q", m.Recipients, m.Header("Auto-Submitted"))
		}
	}
	slices.Sort(envelope)
	if want := []string{"am.dupont@msp.example", "expert@msp.example", "vijay@msp.example"}; !slices.Equal(envelope, want) {
		t.Errorf("envelope %v, want %v", envelope, want)
	}
	if i := r.the(""); !i.Flags[model.FlagAccountManagerTold] || i.HandledAt.IsZero() && i.Targets["four_hours"].MetAt.IsZero() {
		t.Errorf("not handled: %+v", i.Flags)
	}
	verify(t, r, "i1")
	var x explain.Explanation
	r.get("/api/v1/incidents/1/explain", &x)
	if len(x.Steps) == 0 || x.Scenario != "server" {
		t.Errorf("explanation: %+v", x)
	}
}

// An ending is believed with a proof, and with nothing else.
func TestResolvedOnlyByProof(t *testing.T) {
	r := newRig(t, 0)
	a := backup("dupont", "SRV-AD", "primary")
	r.prom.job(a, 3, monday.Add(-time.Hour), monday.Add(-30*time.Hour), monday)
	r.fires(a)
	r.pass(61 * time.Second)
	r.clears(a)
	r.pass(2 * time.Second)
	r.state("i1", model.Unverified)
	r.prom.broken = true
	r.pass(2 * time.Minute)
	r.state("i1", model.Unverified)
	r.prom.broken = false
	r.prom.job(a, 1, r.now(), r.now(), r.now())
	r.pass(61 * time.Second)
	r.state("i1", model.Resolved)
	r.pass(61 * time.Second)
	if n := len(r.mails("repaired")); n != 1 {
		t.Errorf("%d mails that it is repaired, want 1", n)
	}
	// It fails again within the window: the same incident.
	r.fires(a)
	if i := r.the(""); i.ID != "i1" || i.Episode != 2 {
		t.Errorf("%s, episode %d", i.ID, i.Episode)
	}
	verify(t, r, "i1")
}

// A refused address is told and holds nobody back; one that is put off is sent
// again with the same Message-ID, across a restart.
func TestOutbox(t *testing.T) {
	r := newRig(t, 0)
	if err := r.sink.SetFaults(smtpsink.Faults{Recipients: map[string]smtpsink.Reply{
		"vijay@msp.example":  {Code: 550, Text: "no such user"},
		"expert@msp.example": {Code: 451, Text: "later"},
	}}); err != nil {
		t.Fatal(err)
	}
	r.fires(backup("dupont", "SRV-AD", "primary"))
	r.act(http.StatusOK, adm1Token, "1", "escalate", map[string]string{"reason": "help"})
	r.pass(61 * time.Second)
	first := r.mails("account_manager")
	if len(first) != 1 || first[0].Recipients[0] != "am.dupont@msp.example" {
		t.Fatalf("accepted: %+v", first)
	}
	if r.metric("vigie_notification_outbox_pending") != 1 {
		t.Errorf("outbox pending: %v", r.metric("vigie_notification_outbox_pending"))
	}
	if i := r.the(""); i.Flags[model.FlagAccountManagerTold] {
		t.Error("a trace counts although Cc has not been reached")
	}
	r.restart()
	if err := r.sink.SetFaults(smtpsink.Faults{}); err != nil {
		t.Fatal(err)
	}
	r.pass(3 * time.Minute)
	all := r.mails("account_manager")
	if len(all) != 2 || all[1].Recipients[0] != "expert@msp.example" || all[1].MessageID != first[0].MessageID {
		t.Fatalf("after the restart: %d transmissions", len(all))
	}
	if r.metric("vigie_notification_outbox_pending") != 0 {
		t.Error("the outbox is not empty")
	}
	var lines []store.Line
	r.get("/api/v1/incidents/1/journal", &lines)
	if !slices.ContainsFunc(lines, func(l store.Line) bool {
		return l.What == "refused account_manager" && l.Personal == "vijay@msp.example"
	}) {
		t.Error("the refused address is not in the journal")
	}
	verify(t, r, "i1")
}

// Reconciliation finds what the webhook never told: S1 and an alert that never
// got through.
func TestReconcile(t *testing.T) {
	r := newRig(t, 2)
	a, unheard := backup("dupont", "SRV-AD", "primary"), backup("martin", "SRV-AD", "primary")
	r.prom.job(a, 3, monday.Add(-time.Hour), monday.Add(-30*time.Hour), monday)
	everywhere := func(f func(p *peer)) {
		for _, p := range r.peers {
			p.change(func() { f(p) })
		}
	}
	everywhere(func(p *peer) { p.alerts = append(p.alerts, a, unheard) })
	r.fires(a)
	r.pass(61 * time.Second)
	r.the("customer=martin")
	if got := r.metric(`vigie_alertmanager_up{alertmanager="am1"}`); got != 1 {
		t.Errorf("vigie_alertmanager_up is %v", got)
	}

	// Somebody silences exactly this machine: it is in hand, by him.
	fp := alertmanager.Fingerprint(a)
	everywhere(func(p *peer) {
		p.silences = append(p.silences, silence("s1", "adm1", "srv-ad", monday, monday.Add(10*time.Minute)))
		p.silenced[fp] = []string{"s1"}
	})
	r.pass(60 * time.Second)
	if i := r.the("customer=dupont"); !i.Flags[model.FlagSilenced] || i.Silences["s1"].By != "adm1" || i.Assignee != "adm1" {
		t.Fatalf("assignee %q, silences: %+v", i.Assignee, i.Silences)
	}

	// It ends while silenced, and one Alertmanager cannot be asked: nothing closes.
	everywhere(func(p *peer) {
		p.alerts = slices.DeleteFunc(p.alerts, func(x alert) bool { return x["customer"] == "dupont" })
	})
	r.peers[1].change(func() { r.peers[1].broken = true })
	r.prom.job(a, 1, r.now(), r.now(), r.now())
	r.fails = true
	r.pass(5 * time.Minute)
	r.state("i1", model.Taken)
	r.peers[1].change(func() { r.peers[1].broken = false })
	r.fails = false
	r.pass(62 * time.Second)
	r.state("i1", model.Resolved)
	r.state(r.the("customer=martin").ID, model.Open)
}

// What is absent without a proof is unverified, and only after some time; an
// Alertmanager that has just started proves nothing.
func TestAbsentWithoutProof(t *testing.T) {
	r := newRig(t, 1)
	a := backup("dupont", "SRV-AD", "primary")
	r.prom.job(a, 3, monday.Add(-time.Hour), monday.Add(-30*time.Hour), monday)
	r.fires(a)
	p := r.peers[0]
	p.change(func() { p.started = r.now().Add(-time.Minute) })
	r.pass(3 * time.Minute)
	r.state("i1", model.Open)
	r.pass(2 * time.Minute) // settled now
	r.state("i1", model.Open)
	r.pass(4 * time.Minute)
	r.state("i1", model.Unverified)
}

func TestWatchdog(t *testing.T) {
	r := newRig(t, 0)
	dog := alert{"alertname": "Watchdog"}
	a := backup("dupont", "SRV-AD", "primary")
	r.prom.job(a, 3, monday.Add(-time.Hour), monday.Add(-30*time.Hour), monday)
	r.fires(dog, a)
	if got := r.metric("vigie_watchdog_last_received_timestamp_seconds"); got != float64(monday.Unix()) {
		t.Errorf("watchdog received at %v", got)
	}
	r.set(monday.Add(15 * time.Minute))
	r.turn()
	if n := len(r.incidents("scenario=blind")); n != 0 {
		t.Fatal("blind too early")
	}
	r.set(monday.Add(15*time.Minute + time.Second))
	r.turn()
	r.the("scenario=blind")
	r.turn()
	if n := len(r.mails("blind")); n != 2 {
		t.Errorf("%d transmissions about blindness, want 2 at once", n)
	}
	// No ending is believed meanwhile, proof or not.
	r.prom.job(a, 1, r.now(), r.now(), r.now())
	r.clears(a)
	r.pass(2 * time.Second)
	r.state("i1", model.Open)
	r.fires(dog)
	r.pass(2 * time.Second)
	if n := len(r.incidents("scenario=blind")); n != 0 {
		t.Error("still blind")
	}
}

// Many failures of one kind are one common incident, told once.
func TestCommonFailure(t *testing.T) {
	r := newRig(t, 0)
	var all []alert
	for _, c := range []string{"dupont", "martin"} {
		for _, m := range []string{"A", "B"} {
			a := backup(c, "SRV-"+m, "primary")
			a["error_code"] = "E-1201"
			r.prom.job(a, 3, monday.Add(-time.Hour), monday.Add(-30*time.Hour), monday)
			all = append(all, a)
		}
	}
	r.fires(all...)
	r.pass(62 * time.Second)
	common := r.the("scenario=common")
	for _, i := range r.incidents("scenario=server") {
		if !i.Flags[model.FlagOutage] {
			t.Errorf("%s is not marked", i.ID)
		}
	}
	if n := len(r.mails("opened")); n != 0 {
		t.Errorf("%d opening mails beside the common one", n)
	}
	if n := len(r.mails("common")); n != 2 {
		t.Errorf("%d transmissions about the common failure, want 2", n)
	}
	for _, a := range all {
		r.prom.job(a, 1, r.now(), r.now(), r.now())
	}
	r.clears(all...)
	r.pass(2 * time.Minute)
	r.state(common.ID, model.Resolved)
}

func TestReport(t *testing.T) {
	r := newRig(t, 0)
	send := func(want int, v map[string]any) string {
		t.Helper()
		b, _ := json.Marshal(v)
		code, text := r.request(http.MethodPost, "/api/v1/signals", adm1Token, b)
		if code != want {
			t.Fatalf("%d, want %d: %s", code, want, text)
		}
		return text
	}
	call := map[string]any{"kind": "emergency_means", "platform": "lms-A", "means": "phone", "by": "exploit@lms-a.example",
		"text": "nothing works", "received_at": r.now().Add(-15 * time.Minute), "id": "call-1"}
	send(http.StatusOK, call)
	send(http.StatusOK, call)
	if i := r.the("platform=lms-A"); len(i.Reports) != 1 || !i.StartedAt.Equal(r.now().Add(-15*time.Minute)) {
		t.Errorf("%d reports, started %s", len(i.Reports), i.StartedAt)
	}
	send(http.StatusUnprocessableEntity, map[string]any{"kind": "wish", "platform": "lms-A"})
	send(http.StatusForbidden, map[string]any{"kind": "l2_voluntary", "platform": "lms-A", "by": "stranger@else.example"})
	send(http.StatusBadRequest, map[string]any{"kindd": "l2_voluntary"})
}
