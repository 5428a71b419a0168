package webhook

import (
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"testing"
	"time"
)

func bodies(t testing.TB) (out [][]byte) {
	t.Helper()
	files, err := filepath.Glob("testdata/*.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("no testdata: %v", err)
	}
	for _, f := range files {
		raw, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, raw)
	}
	return out
}

// What Alertmanager writes is read without encoding/json, unless it left alerts out.
func TestFormIsThatOfAlertmanager(t *testing.T) {
	for n, raw := range bodies(t) {
		var want envelope
		if err := json.Unmarshal(raw, &want); err != nil {
			t.Fatal(err)
		}
		if _, err := readForm(raw); err != nil && want.TruncatedAlerts == 0 {
			t.Errorf("body %d: %v", n, err)
		}
	}
}

// Whatever is read in the form, encoding/json reads the same way.
func FuzzFormAgainstEncodingJSON(f *testing.F) {
	for _, raw := range bodies(f) {
		f.Add(raw)
	}
	for _, raw := range []string{
		`{"alerts":[]}`, `{"alerts":null}`, `{"Alerts":[{"status":"firing"}]}`, `{"alerts":[{"labels":{"a":"1","a":"2"}}]}`,
		`{"alerts":[{"labels":{"a":"1"},"labels":{"b":"2"}}]}`, `{"alerts":[{"startsAt":"2026-03-09T07:10:00+01:00"}]} x`,
		`{"alerts":[{"\u0073tatus":"firing","labels":{"a":"\ud83d\ude00\n"}}]}`, `{"alerts":[{"labels":{"a":"` + "\xff" + `"}}]}`,
		`{"alerts":[{"\u017ftatus":"firing"}]}`, `{"truncatedalerts":3,"alerts":[]}`, `{"alerts":[{"startsAt":""}]}`, `{"alerts":[{"labels":null}]}`,
	} {
		f.Add([]byte(raw))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		got, err := readForm(raw)
		if err != nil {
			return
		}
		var want envelope
		if err := json.Unmarshal(raw, &want); err != nil {
			t.Fatalf("read, though encoding/json says: %v", err)
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("read as %+v, by encoding/json as %+v", got, want)
		}
	})
}

func BenchmarkDecode(b *testing.B) {
	raw := bodies(b)[0]
	for b.Loop() {
		if _, _, err := Decode(raw, time.Time{}); err != nil {
			b.Fatal(err)
		}
	}
}
