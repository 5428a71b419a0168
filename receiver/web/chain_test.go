package web_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"vigie/receiver"
	"vigie/receiver/alertmanager"
	"vigie/receiver/chain"
	"vigie/receiver/evidence"
	"vigie/receiver/notify"
	"vigie/receiver/smtpsink"
	"vigie/receiver/web"
	"vigie/rules/model"
)

// The chain says of each link whether it answers and since when it does not, what
// waits and why, what is silenced until when by whom, and how reloads went.
func TestChain(t *testing.T) {
	exporter := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/api/v1/results" {
			fmt.Fprint(w, "ok")
			return
		}
		fmt.Fprint(w, `{"results":[],"sources":[],"unmatched":[{"source":"pbs-hq","open":"namespace","what":"shared:vm/<100>","jobs":["a/vm/100","b/vm/100","c/vm/100","d/vm/100","e/vm/100","f/vm/100"]},
			{"source":"nas-01","open":"device","what":"3:17","jobs":[]},{"source":"nas-01","open":"device","what":"3:17","jobs":[]}]}`)
	}))
	defer exporter.Close()
	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()
	at := func(server *httptest.Server) *url.URL {
		u, err := url.Parse(server.URL)
		if err != nil {
			t.Fatal(err)
		}
		return u
	}
	d := newDesk(t, "synomega", "sources:\n  acronis-eu2: {exporter: exp1}\n  veeam-hq: {exporter: exp1}\n", func(_ *receiver.Config, p *receiver.Reloadable, _ *web.Options) {
		p.Exporters = []evidence.Exporter{{URL: at(exporter), HTTP: http.DefaultClient}, {URL: at(gone), HTTP: http.DefaultClient}}
		p.Alertmanagers = []*alertmanager.Client{silencingClient(t, "s2", nil)}
	})
	d.prom = func(w http.ResponseWriter, r *http.Request) {
		_ = r.ParseForm()
		result := ""
		if strings.Contains(r.Form.Get("query"), "backup_source_up") {
			result = fmt.Sprintf(`{"metric":{"__name__":"backup_source_up","source":"acronis-eu2"},"value":[1,"1"]},
				{"metric":{"__name__":"backup_source_last_refresh_timestamp_seconds","source":"acronis-eu2"},"value":[1,"%d"]}`, tuesday.Add(-time.Minute).Unix())
		}
		fmt.Fprintf(w, `{"status":"success","data":{"resultType":"vector","result":[%s]}}`, result)
	}
	d.fires(nil, map[string]string{"error": "disk full"})
	d.engine.NoteReload(nil)
	d.engine.NoteReload(errors.New("policy/02.yml:7: a step <b>without</b> a name"))
	d.runs(func() bool { s, err := d.engine.Chain(t.Context(), "sup"); return err == nil && !s.SilencesAt.IsZero() })
	s, err := d.engine.Chain(t.Context(), "sup")
	if err != nil {
		t.Fatal(err)
	}
	health := map[string]chain.Health{}
	for _, l := range s.Links {
		health[l.Kind+" "+l.Name] = l.Health
	}
	for name, want := range map[string]chain.Health{"prometheus prometheus": chain.Up, "alertmanager am1": chain.Up, "exporter " + at(exporter).Host: chain.Up, "exporter " + at(gone).Host: chain.Down} {
		if health[name] != want {
			t.Errorf("%s is %q, want %q", name, health[name], want)
		}
	}
	for _, x := range s.Sources {
		if want := map[string]chain.Health{"acronis-eu2": chain.Up, "veeam-hq": chain.Down}[x.Name]; x.Health != want {
			t.Errorf("source %s is %q, want %q", x.Name, x.Health, want)
		}
	}
	if len(s.Sources) != 2 || len(s.Silences) != 1 || !s.Silences[0].Broad || len(s.Reloads) != 2 || s.Reloads[0].Taken || !s.Reloads[1].Taken || len(s.Relays) == 0 {
		text, _ := json.MarshalIndent(s, "", " ")
		t.Errorf("%s", text)
	}
	code, text := d.browser("sup").get("/chain")
	must(t, code, text, "Adrien Blanc", "disk &lt;i&gt;replaced", "alertname=&#34;BackupFailed&#34;", "trop large", "a step &lt;b&gt;without", "acronis-eu2", "non lue", "ne répond pas", "En attente de départ")
	if len(s.Unmatched) != 2 {
		t.Errorf("of nobody in particular: %+v", s.Unmatched)
	}
	must(t, code, text, "Résultats sans sauvegarde connue", "shared:vm/&lt;100&gt;", "espace de noms", "et 1 autre", "une sauvegarde pas encore connue")
}

// What was not asked yet is not known, and looks neither good nor bad.
func TestChainUnknown(t *testing.T) {
	d := newDesk(t, "synomega", "sources:\n  acronis-eu2: {exporter: exp1}\n")
	d.prom = func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "no", http.StatusBadGateway) }
	code, text := d.browser("sup").get("/chain")
	must(t, code, text, "Ce qui est lu est inconnu", "Aucun Alertmanager n")
	s, err := d.engine.Chain(t.Context(), "sup")
	if err != nil || len(s.Sources) != 1 || s.Sources[0].Health != chain.Unknown {
		t.Errorf("%+v, %v", s, err)
	}
}

// silencingClient asks such an Alertmanager, which takes silences, too, by an id; made,
// if there is one, is called for each.
func silencingClient(t *testing.T, id string, made func()) *alertmanager.Client {
	t.Helper()
	am := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodPost {
			silencing(w, r)
			return
		}
		if made != nil {
			made()
		}
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprintf(w, `{"silenceID":%q}`, id)
	}))
	t.Cleanup(am.Close)
	u, err := url.Parse(am.URL)
	if err != nil {
		t.Fatal(err)
	}
	return alertmanager.New(alertmanager.Options{Name: "am1", URL: u, HTTP: http.DefaultClient})
}

// silencing is an Alertmanager with one silence; its answers have the shape of
// Alertmanager's API v2.
func silencing(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	switch {
	case strings.HasSuffix(r.URL.Path, "/status"):
		fmt.Fprint(w, `{"cluster":{"status":"disabled"},"config":{"original":""},"uptime":"2026-03-01T00:00:00Z","versionInfo":{"branch":"","buildDate":"","buildUser":"","goVersion":"","revision":"","version":"0.28.1"}}`)
	case strings.HasSuffix(r.URL.Path, "/silences"):
		fmt.Fprint(w, `[{"id":"s1","status":{"state":"active"},"updatedAt":"2026-03-10T08:00:00Z","comment":"disk <i>replaced","createdBy":"adm1","startsAt":"2026-03-10T08:00:00Z","endsAt":"2026-03-10T17:00:00Z",
			"matchers":[{"name":"alertname","value":"BackupFailed","isRegex":false,"isEqual":true}]}]`)
	default:
		fmt.Fprint(w, `[]`)
	}
}

// runs lets the engine turn until something is so.
func (d *desk) runs(until func() bool) {
	d.t.Helper()
	ctx, stop := context.WithCancel(d.t.Context())
	done := make(chan error, 1)
	go func() { done <- d.engine.Run(ctx) }()
	for end := time.Now().Add(20 * time.Second); !until(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			d.t.Error("it did not come about in time")
			break
		}
	}
	stop()
	if err := <-done; err != nil {
		d.t.Error(err)
	}
}

// runsOnce lets scheduler and outbox turn a few times.
func (d *desk) runsOnce() {
	d.t.Helper()
	turns, last := map[string]int{}, map[string]time.Time{}
	d.runs(func() bool {
		s, err := d.engine.Chain(d.t.Context(), "sup")
		if err != nil {
			d.t.Error(err)
			return true
		}
		for _, l := range s.Loops {
			if l.Last.After(last[l.Name]) {
				turns[l.Name]++
			}
			last[l.Name] = l.Last
		}
		return turns["tick"] > 3 && turns["outbox"] > 3 && s.Outbox.Pending == 0
	})
}

// posting lets messages leave to a server of this machine, and the engine turn
// quickly.
func posting(t *testing.T) func(*receiver.Config, *receiver.Reloadable, *web.Options) {
	return func(_ *receiver.Config, p *receiver.Reloadable, _ *web.Options) {
		sink, err := smtpsink.Start(t.Context(), smtpsink.Options{Now: time.Now})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { sink.Close() })
		host, port, _ := net.SplitHostPort(sink.Addr())
		n, _ := strconv.Atoi(port)
		if p.Channel, err = notify.NewMail(notify.MailConfig{Hello: "vigie.msp.example", Relay: notify.MailRelay{Host: host, Port: n, TLS: notify.TLSNone}}); err != nil {
			t.Fatal(err)
		}
		p.Timings.Tick, p.Timings.Reconcile, p.Timings.Watchdog = 5*time.Millisecond, 50*time.Millisecond, 1000*time.Hour
	}
}

// callDue goes on day by day until a call is due.
func (d *desk) callDue(incident string) {
	for range 40 {
		d.at(d.now().Add(12 * time.Hour))
		d.runsOnce()
		if inc, err := d.engine.Incident(d.t.Context(), incident); err == nil && inc.State == model.CallDue {
			return
		}
	}
}

// A call to make stands in the list with its number and what was tried; noting it
// keeps the team's note from the words that the customer reads.
func TestCalls(t *testing.T) {
	d := newDesk(t, "synomega", "", posting(t))
	d.fires(model.Labels{"machine": "PC-LEA", "machine_class": "workstation"}, map[string]string{"error": "agent <b>gone"})
	d.acts("i1", "answer", "lea", model.Labels{"result": "call_me", "note": "afternoons <b>only"})
	d.callDue("1")
	b := d.browser("sup")
	code, text := b.get("/calls")
	must(t, code, text, "Rappelez-moi", "« afternoons &lt;b&gt;only »", "PC-LEA", `href="tel:`, "essai 1 sur 3", "Noter l&#39;appel", "Quoi dire")
	code, text = b.get("/calls?note=i1")
	must(t, code, text, `name="agreed"`, `name="outcome"`)
	code, text = b.post("/incidents/i1/call", url.Values{"back": {"/calls"}, "outcome": {"voicemail"}, "agreed": {"rappel demain <b>"}, "note": {"was rude <i>"}})
	if inc, err := d.engine.Incident(t.Context(), "1"); err != nil || inc.State != model.CallDue {
		t.Errorf("the task has ended before its trace was accepted: %s", inc.State)
	}
	must(t, code, text, "rappel demain &lt;b&gt;", "was rude &lt;i&gt;", "message laissé", "pour l&#39;équipe seule", "Sa trace écrite attend")
	if code, _ := d.browser("it.dupont").get("/calls"); code != http.StatusForbidden {
		t.Errorf("a customer's contact sees the calls: %d", code)
	}
	d.mu.Lock()
	d.clock = d.clock.Add(2 * time.Minute) // the hold is over
	d.mu.Unlock()
	d.runsOnce()
	code, text = b.get("/calls")
	if must(t, code, text); strings.Contains(text, "PC-LEA") {
		t.Errorf("the trace was accepted, and the call is still to be made:\n%.3000s", text)
	}
}

// Of who was away, and of what was agreed, the list says the day as people say it.
func TestCallsNameTheDay(t *testing.T) {
	d := newDesk(t, "synomega", "", posting(t))
	d.fires(model.Labels{"machine": "PC-LEA", "machine_class": "workstation"}, nil)
	d.acts("i1", "answer", "lea", model.Labels{"result": "away", "until": "2026-03-18"})
	d.callDue("1") // not before he is back, and has been told once more
	d.callDue("1")
	d.acts("i1", "call", "sup", model.Labels{"outcome": "reached", "next_date": "2026-05-05"})
	code, text := d.browser("sup").get("/calls")
	must(t, code, text, "Je suis absent jusqu&#39;au 18 mars", "prochaine date : 5 mai")
	code, text = d.browser("sup").get("/incidents/i1")
	must(t, code, text, "fin : 18 mars", "prochaine date : 5 mai")
	if strings.Contains(text, "mail accepté : client told") {
		t.Error("the time line names a step of the policy, not what its mail is")
	}
}
