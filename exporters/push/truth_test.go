package push

import (
	"net/http"
	"strings"
	"testing"
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
