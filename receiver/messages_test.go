package receiver_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"vigie/receiver"
	"vigie/receiver/smtpsink"
)

func (r *rig) messages(query string) []receiver.MessageSummary {
	r.t.Helper()
	var all []receiver.MessageSummary
	r.get("/api/v1/messages?"+query, &all)
	return all
}

func (r *rig) retry(want int, what receiver.Retry) string {
	r.t.Helper()
	b, err := json.Marshal(what)
	if err != nil {
		r.t.Fatal(err)
	}
	code, text := r.request(http.MethodPost, "/api/v1/messages/retry", adm1Token, b)
	if code != want {
		r.t.Fatalf("retry answered %d, want %d: %s", code, want, text)
	}
	return text
}

// What waits is seen with its reason and its next try, leaves at once when
// somebody says so, and is told with the instant at which a server took it.
func TestMessagesWaitAndAreRetried(t *testing.T) {
	r := newRig(t, 0)
	r.fires(backup("dupont", "SRV-AD", "primary"))
	r.pass(2 * time.Second)
	if held := r.messages("waiting=true"); len(held) != 1 || held[0].Recipients[0].Status != "held" || held[0].HeldUntil.IsZero() || held[0].ID != "" {
		t.Fatalf("what is held: %+v", held)
	}
	bad := smtpsink.Reply{Code: 550, Text: "5.7.1 relaying denied"}
	if err := r.sink.SetFaults(smtpsink.Faults{Recipients: map[string]smtpsink.Reply{"*": bad}}); err != nil {
		t.Fatal(err)
	}
	r.pass(2 * time.Minute)
	waiting := r.messages("waiting=true&incident=1")
	if len(waiting) != 1 || waiting[0].ID == "" || waiting[0].Subject == "" || len(waiting[0].Recipients) != 1 {
		t.Fatalf("what waits: %+v", waiting)
	}
	if x := waiting[0].Recipients[0]; x.Status != "pending" || !strings.Contains(x.Detail, "relaying denied") || !x.NextAt.After(r.now().Add(time.Minute)) {
		t.Errorf("how it waits: %+v", x)
	}
	if err := r.sink.SetFaults(smtpsink.Faults{}); err != nil {
		t.Fatal(err)
	}
	r.pass(10 * time.Second)
	if len(r.mails("opened")) != 0 {
		t.Fatal("it left before its time")
	}
	if text := r.retry(http.StatusOK, receiver.Retry{}); !strings.Contains(text, "1") {
		t.Errorf("retry: %s", text)
	}
	at := r.now().Add(time.Second)
	r.pass(2 * time.Second)
	if len(r.mails("opened")) != 1 || len(r.messages("waiting=true")) != 0 {
		t.Fatalf("not sent at once: %+v", r.messages(""))
	}
	var x receiver.Explained
	r.get("/api/v1/incidents/1/explain", &x)
	if len(x.Messages) != 1 || x.Messages[0].Recipients[0].AcceptedAt.Sub(at).Abs() > time.Second {
		t.Errorf("explain does not say when it was accepted, %s: %+v", at, x.Messages)
	}
	for path, want := range map[string]int{"?nonsense=1": 422, "?waiting=perhaps": 422, "?limit=0": 422, "?incident=77": 404} {
		if code, text := r.request(http.MethodGet, "/api/v1/messages"+path, adm1Token, nil); code != want {
			t.Errorf("%s answered %d, want %d: %s", path, code, want, text)
		}
	}
}

// What was refused for good is sent again when a person asks for it, and the
// written trace is then done.
func TestRefusedIsSentAgain(t *testing.T) {
	r := newRig(t, 0)
	r.fires(backup("dupont", "SRV-AD", "primary"))
	r.pass(2 * time.Minute)
	unknown := smtpsink.Reply{Code: 550, Text: "5.1.1 <vijay@msp.example>: User unknown"}
	if err := r.sink.SetFaults(smtpsink.Faults{Recipients: map[string]smtpsink.Reply{"vijay@msp.example": unknown}}); err != nil {
		t.Fatal(err)
	}
	r.act(http.StatusOK, adm1Token, "1", "escalate", map[string]string{"reason": "the disk is broken"})
	r.pass(2 * time.Minute)
	if r.the("machine=SRV-AD").Flags["account_manager_told"] {
		t.Fatal("the trace counts although one address was refused")
	}
	if err := r.sink.SetFaults(smtpsink.Faults{}); err != nil {
		t.Fatal(err)
	}
	r.retry(http.StatusUnprocessableEntity, receiver.Retry{Refused: true}) // everything that ever was refused is not meant
	r.retry(http.StatusNotFound, receiver.Retry{Message: "nothing@msp.example"})
	if text := r.retry(http.StatusOK, receiver.Retry{Incident: "1"}); !strings.Contains(text, "0") {
		t.Errorf("what was refused is not asked for: %s", text)
	}
	r.retry(http.StatusOK, receiver.Retry{Incident: "1", Refused: true})
	r.pass(2 * time.Second)
	if !r.the("machine=SRV-AD").Flags["account_manager_told"] {
		t.Errorf("the trace is not done: %+v", r.messages("incident=1"))
	}
}
