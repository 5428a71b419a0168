package receiver_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"vigie/receiver"
	"vigie/receiver/web"
	"vigie/rules/act"
	"vigie/rules/incident"
	"vigie/rules/story"
)

// hostCut is a host with three platforms, whose operator calls it an intrusion.
const hostCut = `start: 2026-11-03T09:00:00+01:00
until: 2026-11-03T10:30:00+01:00
events:
  - at: 2026-11-03T10:00:00+01:00
    fires: {alertname: HostDown, signal: infra_probe, platform: lms-A, site: host-1, kind: host_down, severity: blocking, error: word-of-A}
  - at: 2026-11-03T10:00:00+01:00
    fires: {alertname: HostDown, signal: infra_probe, platform: lms-B, site: host-1, kind: host_down, severity: blocking, error: word-of-B}
  - at: 2026-11-03T10:01:00+01:00
    fires: {alertname: MoodleCronLate, signal: functional_probe, platform: lms-C, kind: cron, severity: major}
  - at: 2026-11-03T10:08:00+01:00
    act: {verb: qualify, by: op, severity: blocking, cause: ext.hacking, scope: all, note: a-secret-word, incident: {site: host-1, alertname: HostDown}}
`

// accessStage is a receiver of the platforms' example with a viewer and a
// manager, in which a person's token is his id.
func accessStage(t *testing.T) func(who, method, path string, body any) (int, string) {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(filepath.Join("..", "deploy", "examples", "activeprolearn"))); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "inventory", "platforms.yml")
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	named := strings.Replace(string(text), "access:\n", "access:\n  viewers: [op2]\n  managers: [lead]\n", 1)
	if err := os.WriteFile(file, []byte(named), 0o600); err != nil {
		t.Fatal(err)
	}
	setup, err := receiver.Load(filepath.Join(dir, "vigie.yml"))
	if err != nil {
		t.Fatal(err)
	}
	words, err := setup.Config.Renderer()
	if err != nil {
		t.Fatal(err)
	}
	tale, err := story.Parse("host.yml", []byte(hostCut))
	if err != nil {
		t.Fatal(err)
	}
	h := newTheatre(t, *setup, words.Render, tale)
	h.play()
	site := httptest.NewServer(web.New(web.Options{Engine: h.engine, Webhook: http.NotFoundHandler(), Metrics: http.NotFoundHandler(),
		Person: func(token string) (string, bool) { return token, token != "" }, Logger: slog.New(slog.NewTextHandler(io.Discard, nil)), Now: h.now,
		Reload: func(ctx context.Context) error { return h.engine.Reload(ctx, h.reloadable) }}))
	t.Cleanup(site.Close)
	return func(who, method, path string, body any) (int, string) {
		t.Helper()
		b, err := json.Marshal(body)
		if err != nil {
			t.Fatal(err)
		}
		req, err := http.NewRequest(method, site.URL+path, bytes.NewReader(b))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+who)
		resp, err := site.Client().Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		text, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return resp.StatusCode, string(text)
	}
}

// Every route and every act for every role: what a role does not give is 403,
// and what it gives is not.
func TestAccessMatrix(t *testing.T) {
	ask := accessStage(t)
	people := map[string]act.Role{"op2": act.Viewer, "op": act.Operator, "lead": act.Manager, "exploit": act.Customer}
	forbidden := func(who, method, path string, body any, want bool) {
		t.Helper()
		code, text := ask(who, method, path, body)
		if (code == http.StatusForbidden) != want || code == http.StatusUnauthorized {
			t.Errorf("%s (%s) %s %s: %d %s; 403 wanted: %t", who, people[who], method, path, code, text, want)
		}
	}
	for who, role := range people {
		customer, viewer := role == act.Customer, role == act.Viewer
		forbidden(who, http.MethodGet, "/api/v1/incidents", nil, false)
		forbidden(who, http.MethodGet, "/api/v1/incidents/i1", nil, false)
		forbidden(who, http.MethodGet, "/api/v1/incidents/i2", nil, customer) // another one's platform
		forbidden(who, http.MethodGet, "/api/v1/incidents/i2/journal", nil, customer)
		forbidden(who, http.MethodGet, "/api/v1/incidents/i2/explain", nil, customer)
		forbidden(who, http.MethodGet, "/api/v1/incidents/i1/journal", nil, who != "lead") // confidential
		forbidden(who, http.MethodGet, "/api/v1/incidents/i1/explain", nil, who != "lead")
		forbidden(who, http.MethodGet, "/api/v1/messages", nil, customer)
		forbidden(who, http.MethodGet, "/api/v1/mails", nil, customer)
		forbidden(who, http.MethodPost, "/api/v1/mails/x/settle", map[string]string{"nonsense": "x"}, customer || viewer)
		forbidden(who, http.MethodPost, "/api/v1/messages/retry", map[string]string{"nonsense": "x"}, customer || viewer)
		forbidden(who, http.MethodPost, "/-/reload", nil, role != act.Manager)
		forbidden(who, http.MethodPost, "/api/v1/signals", map[string]string{"kind": "nonsense", "platform": "lms-A"}, viewer)
		for _, a := range act.Table() {
			forbidden(who, http.MethodPost, "/api/v1/incidents/i1/acts", map[string]any{"verb": a.Verb, "fields": map[string]string{"nonsense": "x"}},
				viewer || customer && !a.May(role))
			forbidden(who, http.MethodPost, "/api/v1/incidents/i2/acts", map[string]any{"verb": a.Verb, "fields": map[string]string{"nonsense": "x"}},
				viewer || customer)
		}
	}
	if code, _ := ask("somebody.who.left", http.MethodGet, "/api/v1/incidents", nil); code != http.StatusUnauthorized {
		t.Errorf("whoever is in no inventory is answered %d", code)
	}
}

// A customer's own person sees and answers its own, and reports as nobody else.
func TestCustomersOwn(t *testing.T) {
	ask := accessStage(t)
	for who, other := range map[string]string{"exploit": "lms-B", "exploit.lms-b": "lms-A"} {
		code, text := ask(who, http.MethodGet, "/api/v1/incidents", nil)
		var all []receiver.Summary
		if err := json.Unmarshal([]byte(text), &all); code != http.StatusOK || err != nil || len(all) != 1 {
			t.Fatalf("%s: %d %s", who, code, text)
		}
		_, one := ask(who, http.MethodGet, "/api/v1/incidents/i1", nil)
		for _, word := range []string{other, "lms-C", "a-secret-word", "ext.hacking", "word-of"} {
			if strings.Contains(text+one, word) {
				t.Errorf("%s reads of %s:\n%s", who, word, text)
			}
		}
	}
	report := func(who, by, platform string) int {
		code, _ := ask(who, http.MethodPost, "/api/v1/signals", map[string]string{"kind": "l3_emergency_entry", "platform": platform, "by": by, "text": "x"})
		return code
	}
	for _, c := range []struct {
		who, by, platform string
		want              int
	}{
		{"exploit", "exploit.lms-b", "lms-B", 403}, {"exploit", "exploit.lms-b", "lms-A", 403}, {"exploit", "exploit@lms-b.example", "lms-A", 403},
		{"exploit", "", "lms-B", 403}, {"exploit", "somebody@by.example", "lms-A", 403}, {"exploit", "", "lms-A", 200},
		{"op", "exploit.lms-b", "lms-B", 200},
	} {
		if got := report(c.who, c.by, c.platform); got != c.want {
			t.Errorf("%s as %q about %s: %d, want %d", c.who, c.by, c.platform, got, c.want)
		}
	}
	code, text := ask("exploit", http.MethodPost, "/api/v1/incidents/i1/acts", map[string]any{"verb": "answer", "fields": map[string]string{"note": "seen"}})
	if code != http.StatusOK || strings.Contains(text, "lms-B") {
		t.Errorf("its own answer: %d %s", code, text)
	}
}

// Of a host's failure each mail to a customer names its own platform alone, and
// what an unknown caller wrote is in none.
func TestMailsToCustomersNameTheirOwn(t *testing.T) {
	setup, err := receiver.Load(filepath.Join("..", "deploy", "examples", "activeprolearn", "vigie.yml"))
	if err != nil {
		t.Fatal(err)
	}
	words, err := setup.Config.Renderer()
	if err != nil {
		t.Fatal(err)
	}
	text := `start: 2026-11-03T09:00:00+01:00
until: 2026-11-03T13:00:00+01:00
events:
`
	for _, p := range []string{"A", "B", "C"} {
		text += fmt.Sprintf("  - at: 2026-11-03T10:00:00+01:00\n    fires: {alertname: HostDown, signal: infra_probe, platform: lms-%s, site: host-1, kind: host_down, severity: blocking, error: word-of-%s}\n", p, p)
	}
	text += `  - at: 2026-11-03T10:02:00+01:00
    report: {kind: l3_emergency_entry, platform: lms-B, by: passer@by.example, text: "click-here"}
  - at: 2026-11-03T10:05:00+01:00
    report: {kind: l2_voluntary, platform: lms-A, by: exploit, text: "word-of-A"}
  - at: 2026-11-03T10:08:00+01:00
    act: {verb: qualify, by: op, severity: blocking, cause: ext.network, scope: all, incident: {site: host-1}}
  - at: 2026-11-03T10:12:00+01:00
    act: {verb: cascade, by: op, reason: "router", incident: {site: host-1}}
  - at: 2026-11-03T10:20:00+01:00
    act: {verb: workaround, by: op, text: "mirror", incident: {site: host-1}}
  - at: 2026-11-03T10:40:00+01:00
    clears: {platform: lms-A}
  - at: 2026-11-03T10:41:00+01:00
    clears: {platform: lms-B}
  - at: 2026-11-03T10:42:00+01:00
    clears: {platform: lms-C}
  - at: 2026-11-03T11:00:00+01:00
    act: {verb: resolve, by: op, cause: ext.network, data_loss: none, note: "cable", incident: {site: host-1}}
`
	tale, err := story.Parse("host.yml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	read := func(ns []incident.Notification) string {
		mail, err := words.Render(ns)
		if err != nil {
			t.Fatal(err)
		}
		all := mail.Subject + mail.Text + mail.HTML
		for _, n := range ns {
			for _, p := range append(append([]incident.Party{}, n.To...), n.Cc...) {
				own, foreign, outside := map[string]string{"exploit": "A", "exploit.lms-b": "B", "exploit.lms-c": "C"}[p.Person], "", p.Outside
				for _, x := range []string{"A", "B", "C"} {
					if own != "" && x != own && (strings.Contains(all, "lms-"+x) || strings.Contains(all, "word-of-"+x)) {
						foreign += x
					}
				}
				if foreign != "" || outside && strings.Contains(all, "click-here") {
					t.Errorf("%s to %s tells of %s:\n%s", n.Template, p.Person, foreign, mail.Text)
				}
				seen[n.Template+" "+own] = true
			}
		}
		return mail.Subject
	}
	if _, err := story.Play(setup.Book, tale, story.Options{Subject: read}); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"M2 A", "M3 B", "M4 C", "M6 A", "M5 A"} {
		if !seen[want] {
			t.Errorf("no mail %s; seen %v", want, seen)
		}
	}
}
