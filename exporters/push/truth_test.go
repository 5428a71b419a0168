package push

import (
	"net/http"
	"strings"
	"testing"
	"time"
)

// Of a key that stands twice the later would win, and might be the success.
func TestKeyThatStandsTwice(t *testing.T) {
	b := newBench(t, Limits{})
	for _, twice := range []string{`"result":"failed","result":"success"`, `"result":"failed","Result":"success"`, `"result":"success","RESULT":"success"`} {
		one := `{"run_id":"1","job_id":"home","machine":"SRV-AD","ended_at":"2026-03-09T21:00:00Z",` + twice + `}`
		for _, body := range []string{one, "[" + one + "]"} {
			if code, text := b.post(dupontToken, body); code != http.StatusBadRequest || !strings.Contains(text, "result") {
				t.Errorf("%s: %d %s", twice, code, text)
			}
		}
	}
	b.send(dupontToken, `{"run_id":"1","job_id":"home","machine":"SRV-AD","ended_at":"2026-03-09T21:00:00Z","error":"{\"a\":1,\"a\":2}","result":"failed"}`)
}

// Nothing, something and not told arrive as what they are, and a run that found
// another one at work ends nothing and starts nothing.
func TestNothingAndRunningArrive(t *testing.T) {
	b := newBench(t, Limits{})
	now := b.Clock.Now()
	b.send(dupontToken, report("1", "success", now.Add(-4*time.Hour), `,"size_bytes":9,"files":3`))
	b.send(dupontToken, report("2", "warning", now.Add(-3*time.Hour), `,"size_bytes":0,"files":0`))
	b.want(metric("last_result", 2), metric("last_size_bytes", 0), metric("last_success_timestamp_seconds", now.Add(-4*time.Hour)))
	b.send(dupontToken, report("3", "running", now.Add(-2*time.Hour), ""))
	b.want(metric("last_result", 2), metric("running", 1), metric("running_since_timestamp_seconds", now.Add(-2*time.Hour)))
	b.send(dupontToken, report("4", "success", now.Add(-time.Hour), ""))
	b.want(metric("last_result", 1), metric("running", 0), metric("last_success_timestamp_seconds", now.Add(-time.Hour)))
	if code, text := b.post(dupontToken, report("5", "success", now, `,"files":-1`)); code != http.StatusBadRequest || !strings.Contains(text, "files") {
		t.Errorf("%d %s", code, text)
	}
}
