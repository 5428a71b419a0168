package kept

import (
	"net/url"
	"strings"
	"testing"
	"time"
)

var now = time.Date(2026, 3, 10, 9, 0, 0, 0, time.UTC)

// What is kept is bounded in number, size and time.
func TestForms(t *testing.T) {
	f := New()
	first := f.Put(Form{Page: "/signals", Values: url.Values{"text": {"words"}}, Who: "sup"}, now)
	if x := f.Look(first, now.Add(time.Hour)); x == nil || x.Values.Get("text") != "words" || x.Who != "sup" {
		t.Fatalf("kept is %+v", x)
	}
	if f.Look(first, now.Add(13*time.Hour)) != nil {
		t.Error("a form is kept for ever")
	}
	if f.Put(Form{Values: url.Values{"text": {strings.Repeat("x", 40_000)}}}, now) != "" {
		t.Error("a form of 40 kB is kept")
	}
	for range most {
		f.Put(Form{}, now)
	}
	if f.Look(first, now) != nil || len(f.byKey) > most || len(f.order) > most {
		t.Errorf("%d forms are kept", len(f.byKey))
	}
	key := f.Put(Form{}, now)
	if f.Drop(key); f.Look(key, now) != nil {
		t.Error("what was dropped is still there")
	}
}
