package exporters_test

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	. "vigie/exporters"
	"vigie/exporters/exposition"
)

// fetch is a source made of a function.
type fetch func(context.Context) (Snapshot, error)

func (f fetch) Fetch(ctx context.Context) (Snapshot, error) { return f(ctx) }

func newPoller(t *testing.T, o PollerOptions) *Poller {
	t.Helper()
	if o.Now == nil {
		o.Now = func() time.Time { return at(30) }
	}
	if o.Name == "" {
		o.Name = "s"
	}
	o.Engine, o.Timeout, o.Logger = cmp.Or(o.Engine, "test"), time.Minute, slog.New(slog.DiscardHandler)
	p, err := NewPoller(o)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func at(minute int) time.Time { return time.Date(2026, 3, 9, 22, minute, 0, 0, time.UTC) }

func snapshotOf(jobs ...Job) fetch {
	return func(context.Context) (Snapshot, error) { return Snapshot{Jobs: jobs}, nil }
}

func refresh(t *testing.T, p *Poller) {
	t.Helper()
	if err := p.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func exposed(views ...*View) string {
	w := httptest.NewRecorder()
	exposition.New(exposition.Options{Sources: func() []*View { return views }}).ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	return w.Body.String()
}

// covers: T1; what was never read is down, and tells no time.
func TestNeverRefreshedSourceIsDownNotSilent(t *testing.T) {
	p := newPoller(t, PollerOptions{Source: snapshotOf()})
	m := exposed(p.View())
	if !strings.Contains(m, `backup_source_up{source="s"} 0`) || strings.Contains(m, "backup_source_last_refresh_timestamp_seconds{") {
		t.Error(m)
	}
}

func TestDuplicateJobsDoNotSpoilTheScrape(t *testing.T) {
	p := newPoller(t, PollerOptions{Source: snapshotOf(Job{ID: "a", Customer: "c"}, Job{ID: " a ", Customer: "c"}, Job{ID: "a", Customer: "d"}, Job{Customer: "d"})})
	refresh(t, p)
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(strings.NewReader(exposed(p.View())))
	if err != nil {
		t.Fatal(err)
	}
	if got := len(families["backup_job_info"].GetMetric()); got != 2 {
		t.Errorf("%d jobs, want 2", got)
	}
	if got := p.View().UnknownValues["duplicate_job_id"]; got != 2 {
		t.Errorf("%d counted, want 2", got)
	}
}

// A customer that is given an id takes the history of its jobs along.
func TestMappedCustomerKeepsHistory(t *testing.T) {
	jobs := []Job{{ID: "a", CustomerKey: "u1", CustomerName: "Dupont", Runs: []Run{{End: at(1), Result: Success}}}}
	p := newPoller(t, PollerOptions{Source: fetch(func(context.Context) (Snapshot, error) { return Snapshot{Jobs: jobs}, nil })})
	refresh(t, p)
	jobs = []Job{{ID: "a", Customer: "dpt"}}
	refresh(t, p)
	if got := p.View().Jobs; len(got) != 1 || got[0].Customer != "dpt" || !got[0].LastSuccess.Equal(at(1)) {
		t.Errorf("%+v", got)
	}
}

func TestAliasesClassesAndAddresses(t *testing.T) {
	p := newPoller(t, PollerOptions{Machines: map[string]string{"srv-ad.dupont.local": "SRV-AD"}, Classes: map[string]Class{"NAS-01": NAS},
		Source: snapshotOf(Job{ID: "a", Machine: "SRV-AD.dupont.LOCAL "}, Job{ID: "b", Machine: "nas-01", Class: Other}, Job{ID: "c", Machine: "lea.martin@dupont.example"})})
	refresh(t, p)
	jobs := p.View().Jobs
	if jobs[0].Machine != "SRV-AD" || jobs[1].Class != NAS || jobs[2].Machine != "lea.martin" {
		t.Errorf("%+v", jobs)
	}
}

func TestAgentsLastSeen(t *testing.T) {
	now := at(1)
	online := true
	p := newPoller(t, PollerOptions{Now: func() time.Time { return now }, Source: fetch(func(context.Context) (Snapshot, error) {
		return Snapshot{Agents: []Agent{{Customer: "c", Machine: "PC", Online: online}, {Customer: "c", Machine: "PC"}}}, nil
	})})
	refresh(t, p)
	if a := p.View().Agents; len(a) != 1 || !a[0].Online || !a[0].LastSeen.Equal(at(1)) {
		t.Fatalf("an old registration beside the present one: %+v", a)
	}
	online, now = false, at(20)
	refresh(t, p)
	if a := p.View().Agents; a[0].Online || !a[0].LastSeen.Equal(at(1)) {
		t.Errorf("%+v", a)
	}
}

func TestStateSurvivesAndIsWrittenAtomically(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "s.json")
	jobs := snapshotOf(Job{ID: "a", Customer: "c", Machine: "M", Plan: "daily", Runs: []Run{{ID: "1", End: at(1), Result: Success}, {ID: "2", End: at(2), Result: Failed, Error: "x"}}})
	p := newPoller(t, PollerOptions{Source: jobs, StateFile: file})
	refresh(t, p)
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 1 {
		t.Fatalf("%v %v: temporary files stay behind", entries, err)
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v %v", info.Mode(), err)
	}
	down := fetch(func(context.Context) (Snapshot, error) { return Snapshot{}, errors.New("down") })
	p = newPoller(t, PollerOptions{Source: down, StateFile: file})
	if err := p.Refresh(t.Context()); err == nil {
		t.Fatal("no error")
	}
	v := p.View()
	if len(v.Jobs) != 1 || v.Up || !v.Jobs[0].LastSuccess.Equal(at(1)) || v.Jobs[0].Failures != 1 || v.Jobs[0].Error != "x" || !v.LastRefresh.Equal(at(30)) {
		t.Errorf("%+v", v)
	}
	// The same runs read again after the restart count nothing twice.
	p = newPoller(t, PollerOptions{Source: jobs, StateFile: file})
	refresh(t, p)
	if got := p.View().Jobs[0].Failures; got != 1 {
		t.Errorf("%d failures", got)
	}
}

func TestDamagedStateFileIsAnError(t *testing.T) {
	for name, text := range map[string]string{"truncated": `{"schema":1,"jobs":[{"job"`, "other schema": `{"schema":7}`, "empty": ``, "no id": `{"schema":1,"jobs":[{}]}`, "null job": `{"schema":1,"jobs":[null]}`} {
		file := filepath.Join(t.TempDir(), "s.json")
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := NewPoller(PollerOptions{Name: "s", Source: snapshotOf(), StateFile: file, Now: time.Now, Logger: slog.New(slog.DiscardHandler)}); err == nil || !strings.Contains(err.Error(), file) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzState(f *testing.F) {
	f.Add([]byte(`{"schema":1,"last_refresh":"2026-03-09T22:00:00Z","jobs":[{"job":{"customer":"c","job_id":"a","last_result":3}}],"agents":[{"machine":"m"}],"customers":{"u":"c"}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		file := filepath.Join(t.TempDir(), "s.json")
		if err := os.WriteFile(file, data, 0o600); err != nil {
			t.Fatal(err)
		}
		p, err := NewPoller(PollerOptions{Name: "s", Source: snapshotOf(), StateFile: file, Timeout: time.Minute, Now: time.Now, Logger: slog.New(slog.DiscardHandler)})
		if err == nil {
			_ = exposed(p.View())
		}
	})
}

// Pauses double with each failure in a row, and end with a success.
func TestRunBacksOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var tries []time.Duration
		begin := time.Now()
		fail := true
		p := newPoller(t, PollerOptions{Interval: 10 * time.Second, Now: time.Now, Source: fetch(func(context.Context) (Snapshot, error) {
			mu.Lock()
			defer mu.Unlock()
			tries = append(tries, time.Since(begin))
			if fail {
				return Snapshot{}, errors.New("down")
			}
			return Snapshot{}, nil
		})})
		ctx, cancel := context.WithCancel(t.Context())
		go p.Run(ctx)
		time.Sleep(3 * time.Minute)
		mu.Lock()
		failing := len(tries)
		fail = false
		mu.Unlock()
		time.Sleep(3 * time.Minute)
		cancel()
		synctest.Wait()
		// 0, 10, 30, 70, 150 s with a tenth of jitter.
		if failing < 4 || failing > 6 {
			t.Errorf("%d tries in three minutes of failure: %v", failing, tries)
		}
		if n := len(tries) - failing; n < 10 || n > 20 {
			t.Errorf("%d refreshes in three good minutes", n)
		}
	})
}

func TestSlowSourceTimesOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPoller(t, PollerOptions{Now: time.Now, Source: fetch(func(ctx context.Context) (Snapshot, error) {
			<-ctx.Done()
			return Snapshot{}, ctx.Err()
		})})
		if err := p.Refresh(t.Context()); err == nil {
			t.Fatal("no error")
		}
		if v := p.View(); v.Errors[ReasonTimeout] != 1 || v.Up || v.Duration != time.Minute {
			t.Errorf("%v %v %v", v.Errors, v.Up, v.Duration)
		}
	})
}

func TestResultsFilters(t *testing.T) {
	p := newPoller(t, PollerOptions{Source: fetch(func(context.Context) (Snapshot, error) {
		return Snapshot{Jobs: []Job{{ID: "a", Customer: "dupont", Machine: "SRV-AD", Runs: []Run{{End: at(1), Result: Failed, Error: "boom"}}}, {ID: "b", Customer: "martin", Machine: "srv-ad"}},
			Agents: []Agent{{Customer: "dupont", Machine: "srv-ad", Online: true}}, Unmatched: []Unmatched{{OpenNamespace, "UPID:7", []string{"a", "b"}}}}, nil
	})})
	refresh(t, p)
	h := ResultsHandler(func() []*View { return []*View{p.View()} })
	for query, want := range map[string]struct {
		code  int
		has   []string
		hasNo []string
	}{
		"":                                {200, []string{`"job_id":"a"`, `"job_id":"b"`, `"error":"boom"`, `"last_result":"failed"`, `"agent_online":true`, `"open":"namespace","what":"UPID:7","jobs":["a","b"]`}, nil},
		"?customer=dupont":                {200, []string{`"job_id":"a"`}, []string{"unmatched"}},
		"?customer=dupont&machine=srv-AD": {200, []string{`"job_id":"a"`}, []string{`"job_id":"b"`}},
		"?customer=nobody":                {200, []string{`"results":[]`, `"up":true`}, nil},
		"?source=other":                   {200, []string{`"sources":[]`}, nil},
		"?custmer=dupont":                 {400, []string{"known are"}, nil},
		"?limit=1":                        {200, []string{`"job_id":"a"`, `"left_out":1`}, []string{`"job_id":"b"`}},
		"?limit=2":                        {200, []string{`"job_id":"b"`}, []string{"left_out"}},
		"?limit=0":                        {400, []string{"limit is not a number from 1 to 10000"}, nil},
		"?limit=10001":                    {400, []string{"leave it out for 2000"}, nil},
	} {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/api/v1/results"+query, nil))
		if w.Code != want.code {
			t.Errorf("%q: %d", query, w.Code)
		}
		for _, s := range want.has {
			if !strings.Contains(w.Body.String(), s) {
				t.Errorf("%q: no %s in %s", query, s, w.Body)
			}
		}
		for _, s := range want.hasNo {
			if strings.Contains(w.Body.String(), s) {
				t.Errorf("%q: %s in %s", query, s, w.Body)
			}
		}
	}
}

func TestPart(t *testing.T) {
	refusal := &SourceError{Endpoint: "p", Reason: ReasonForbidden, Status: 403}
	broken := &SourceError{Endpoint: "p", Reason: ReasonServer, Status: 500}
	type step struct {
		err   error
		items int
		fatal bool
	}
	for name, c := range map[string]struct {
		need  Need
		steps []step
	}{
		"required":                {Required, []step{{nil, 1, false}, {broken, 0, true}, {refusal, 0, true}}},
		"naming, refused":         {Naming, []step{{refusal, 0, false}, {broken, 0, true}}},
		"naming, another shape":   {Naming, []step{{&SourceError{Endpoint: "p", Reason: ReasonMalformed}, 0, false}, {nil, 1, false}}},
		"naming, broken at first": {Naming, []step{{broken, 0, true}, {nil, 1, false}, {broken, 1, false}, {refusal, 1, false}}},
		"optional":                {Optional, []step{{broken, 0, false}, {nil, 1, false}, {broken, 1, false}}},
	} {
		p := LastGood[int]{Name: "p", Need: c.need}
		for i, s := range c.steps {
			items, e, err := p.Refresh(t.Context(), func(context.Context) ([]int, error) {
				if s.err != nil {
					return nil, s.err
				}
				return []int{1}, nil
			})
			if len(items) != s.items || (err != nil) != s.fatal || err == nil && (e.Err != nil) != (s.err != nil) {
				t.Errorf("%s, step %d: %d items, %v, %v", name, i, len(items), e.Err, err)
			}
		}
	}
}
