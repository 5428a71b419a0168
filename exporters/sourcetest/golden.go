package sourcetest

import (
	"flag"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"

	"vigie/exporters"
	"vigie/exporters/exposition"
)

var update = flag.Bool("update", false, "write the golden files anew")

// Golden compares a text with a file in testdata, or writes it with -update.
func Golden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		Check(t, os.WriteFile(file, []byte(got), 0o644))
	}
	want, err := os.ReadFile(file)
	Check(t, err)
	if d := cmp.Diff(string(want), got); d != "" {
		t.Errorf("%s differs; run with -update and look at the change (-want +got):\n%s", file, d)
	}
}

// GoldenMetrics compares metrics with a file in testdata and with the
// conventions for metrics.
func GoldenMetrics(t *testing.T, name, got string) {
	t.Helper()
	Golden(t, name, got)
	problems, err := promlint.New(strings.NewReader(got)).Lint()
	Check(t, err)
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
}

// Metrics gives what a scrape of a poller reads.
func Metrics(p *exporters.Poller) string {
	return body(exposition.New(exposition.Options{Sources: views(p)}), "/metrics")
}

func views(p *exporters.Poller) func() []*exporters.View {
	return func() []*exporters.View { return []*exporters.View{p.View()} }
}

func body(h http.Handler, path string) string {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
	return w.Body.String()
}
