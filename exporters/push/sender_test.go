package push

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"vigie/exporters"
)

func (b *bench) sender(address string) *Sender {
	u, err := url.Parse(address)
	if err != nil {
		b.T.Fatal(err)
	}
	return &Sender{URL: u, Token: func() (string, error) { return dupontToken, nil }, UserAgent: "test", HTTP: NewHTTPClient(nil), Patience: time.Minute,
		Spool: &Spool{Dir: filepath.Join(b.dir, "spool"), Now: b.Clock.Now}, Now: b.Clock.Now,
		Sleep: func(_ context.Context, d time.Duration) error { b.Clock.Advance(d); return nil }}
}

func (b *bench) spool(s *Sender, id, result string) {
	b.T.Helper()
	reports, err := Decode([]byte(report(id, result, b.Clock.Now(), "")), 1)
	if err != nil {
		b.T.Fatal(err)
	}
	if _, err := s.Spool.Add(reports[0]); err != nil {
		b.T.Fatal(err)
	}
}

// An office without a line for a week: each hour a result, each hour an
// attempt. Then all of it arrives in order.
func TestOfflineWeek(t *testing.T) {
	b := newBench(t, Limits{})
	down := httptest.NewServer(http.NotFoundHandler())
	down.Close()
	s := b.sender(down.URL)
	for i := range 7 * 24 {
		result := "failed"
		if i == 10 {
			result = "success"
		}
		b.spool(s, fmt.Sprint(i), result)
		sent, err := s.Flush(t.Context())
		if err == nil || sent.Sent != 0 || sent.Waiting != i+1 || !strings.Contains(err.Error(), "stays in the spool") {
			t.Fatalf("%+v %v", sent, err)
		}
		b.Clock.Advance(time.Hour)
	}
	if err := s.Send(t.Context(), []Report{{RunID: "kept nowhere"}}); err == nil || strings.Contains(err.Error(), "spool") {
		t.Errorf("of a result that is kept nowhere: %v", err)
	}
	s = b.sender(b.Server.URL) // another process, the same folder
	sent, err := s.Flush(t.Context())
	if err != nil || sent.Sent != 7*24 || sent.Waiting != 0 || len(sent.Rejected) != 0 {
		t.Fatalf("%+v %v", sent, err)
	}
	j := b.source.ledger[jobKey{"dupont", "home"}]
	if len(j.Runs) != keptRuns || j.Latest.RunID != "167" || j.LastSuccess.IsZero() {
		t.Errorf("%d runs, latest %s, last success %s", len(j.Runs), j.Latest.RunID, j.LastSuccess)
	}
	b.want(metric("last_result", 3), metric("last_success_timestamp_seconds", j.LastSuccess))
}

// A result that is refused for good does not stop those behind it.
func TestRejectedIsPutAside(t *testing.T) {
	b := newBench(t, Limits{})
	s := b.sender(b.Server.URL)
	b.send(dupontToken, report("7", "success", b.Clock.Now().Add(-time.Hour), ""))
	for i := range 20 {
		b.spool(s, fmt.Sprint(i), "failed") // 7 is known with another content
		b.Clock.Advance(time.Second)
	}
	b.write("spool/00000000000000000001-x.json", "{ nothing")
	sent, err := s.Flush(t.Context())
	if err != nil || sent.Sent != 19 || sent.Waiting != 0 || len(sent.Rejected) != 2 {
		t.Fatalf("%+v %v", sent, err)
	}
	aside, err := os.ReadDir(filepath.Join(b.dir, "spool", "rejected"))
	if err != nil || len(aside) != 2 {
		t.Errorf("%v %v", aside, err)
	}
}

// Neither a wrong token nor a portal in between costs a result.
func TestNothingIsLostToMistakes(t *testing.T) {
	b := newBench(t, Limits{})
	answer := func(status int, body string) *httptest.Server {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if status == http.StatusFound {
				http.Redirect(w, r, b.Server.URL+Path, status)
				return
			}
			w.WriteHeader(status)
			_, _ = w.Write([]byte(body))
		}))
		t.Cleanup(s.Close)
		return s
	}
	s := b.sender(b.Server.URL)
	b.spool(s, "1", "success")
	for _, server := range []*httptest.Server{answer(200, "<html>please log in</html>"), answer(200, `{"stored":0}`), answer(400, "bad gateway of some kind"), answer(413, "too large, says the proxy"),
		answer(401, ""), answer(403, ""), answer(404, ""), answer(500, ""), answer(503, ""), answer(http.StatusFound, "")} {
		sent, err := b.sender(server.URL).Flush(t.Context())
		if err == nil || sent.Waiting != 1 || len(sent.Rejected) != 0 {
			t.Errorf("%+v %v", sent, err)
		}
	}
	s.Token = func() (string, error) { return "a wrong one", nil }
	if sent, err := s.Flush(t.Context()); err == nil || sent.Waiting != 1 || strings.Contains(err.Error(), "a wrong one") {
		t.Errorf("%+v %v", sent, err)
	}
	if sent, err := b.sender(b.Server.URL).Flush(t.Context()); err != nil || sent.Sent != 1 {
		t.Errorf("%+v %v", sent, err)
	}
}

func TestBackoff(t *testing.T) {
	b := newBench(t, Limits{})
	n := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if n++; n == 2 {
			w.Header().Set("Retry-After", "17")
		}
		if n < 4 {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		Handler(func() []*Source { return []*Source{b.source} }).ServeHTTP(w, r)
	}))
	defer server.Close()
	s := b.sender(server.URL)
	var slept []time.Duration
	s.Sleep = func(_ context.Context, d time.Duration) error {
		slept = append(slept, d)
		b.Clock.Advance(d)
		return nil
	}
	b.spool(s, "1", "success")
	if sent, err := s.Flush(t.Context()); err != nil || sent.Sent != 1 || len(slept) != 3 || slept[1] != 17*time.Second || slept[2] <= time.Second/2 {
		t.Errorf("%+v %v %v", sent, err, slept)
	}
}

func TestSpoolIsBounded(t *testing.T) {
	b := newBench(t, Limits{})
	s := b.sender(b.Server.URL)
	s.Spool.MaxFiles = 3
	for i := range 5 {
		r := Report{RunID: fmt.Sprint(i), JobID: "j", Machine: "m", Result: "success", Ended: exporters.Instant{Time: b.Clock.Now()}}
		dropped, err := s.Spool.Add(r)
		if err != nil || (dropped == 1) != (i >= 3) {
			t.Errorf("%d: %d %v", i, dropped, err)
		}
		b.Clock.Advance(time.Second)
	}
	_, reports, err := s.next(10, &Sent{})
	if err != nil || len(reports) != 3 || reports[0].RunID != "2" || reports[2].RunID != "4" {
		t.Errorf("%v %v", reports, err)
	}
}
