package history_test

import (
	"bytes"
	"slices"
	"strings"
	"testing"
	"time"

	"vigie/receiver/faults/history"
)

var rules = history.Rules{Opening: "opened", OpenTo: []string{"sup"}, Escalated: "account_manager", ActTo: []string{"am", "sup"}, AtOnce: 1}

// good is a short history in which every promise is kept: a machine that is
// escalated, one whose mail was doubled by a crash, and one that nobody knows
// was accepted.
func good() []history.Event {
	at := time.Date(2026, 3, 9, 7, 0, 0, 0, time.UTC)
	mail := func(step, id, to string, machines ...string) history.Event {
		at = at.Add(time.Second)
		return history.Event{At: at, What: history.Mail, Step: step, Message: id, To: to, Text: id, Machines: machines}
	}
	return []history.Event{
		{What: history.Accepted, Machine: "A"}, {What: history.Accepted, Machine: "B"}, {What: history.Refused, Machine: "C"},
		mail("opened", "1", "sup", "A", "C"), mail("opened", "2", "sup", "B"),
		{What: history.Fault, Name: "kill", Parts: true},
		mail("opened", "2", "sup", "B"),
		{What: history.Acted, Machine: "A"},
		mail("account_manager", "3", "am", "A"), mail("account_manager", "3", "sup", "A"),
		{What: history.Kept, Machine: "A"}, {What: history.Kept, Machine: "B"}, {What: history.Kept, Machine: "C"},
	}
}

func check(t *testing.T, events []history.Event) history.Verdict {
	t.Helper()
	var b bytes.Buffer
	w := history.NewWriter(&b)
	for _, e := range events {
		w.Put(e)
	}
	if err := w.Err(); err != nil {
		t.Fatal(err)
	}
	v, err := history.Check(&b, rules)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestGoodHistory(t *testing.T) {
	v := check(t, good())
	if len(v.Broken) > 0 || v.Accepted != 2 || v.Machines != 3 || v.Doubles != 1 || v.Messages != 3 || v.Mails != 5 {
		t.Errorf("%+v", v)
	}
}

// Every promise that a history breaks is named.
func TestBrokenHistory(t *testing.T) {
	for name, c := range map[string]struct {
		change func([]history.Event) []history.Event
		want   string
	}{
		"lost":       {func(e []history.Event) []history.Event { return append(e[:11:11], e[12]) }, "D1: B was accepted and is lost"},
		"kept twice": {func(e []history.Event) []history.Event { return append(e, e[10]) }, "D4: A is kept 2 times"},
		"not told": {func(e []history.Event) []history.Event {
			return append(e, history.Event{What: history.Kept, Machine: "D"})
		}, "D2: 0 messages tell sup of D"},
		"told by two":     {func(e []history.Event) []history.Event { e[6].Message = "9"; return e }, "D2: 2 messages tell sup of B"},
		"two texts":       {func(e []history.Event) []history.Event { e[6].Text = "other"; return e }, "with two texts"},
		"double for free": {func(e []history.Event) []history.Event { return slices.Delete(e, 5, 6) }, "D2: 1 doubles"},
		"step lost":       {func(e []history.Event) []history.Event { return slices.Delete(e, 8, 9) }, "D5: 0 messages tell am of A"},
		"backwards":       {func(e []history.Event) []history.Event { e[9].At = e[3].At.Add(-time.Minute); return e }, "D5: sup reads of the escalation of A before its opening"},
		"invented":        {func(e []history.Event) []history.Event { e[4].Machines = []string{"B", "X"}; return e }, "mail tells of X, which is not kept"},
		"unknown":         {func(e []history.Event) []history.Event { return append(e, history.Event{What: "else"}) }, "unknown kind"},
	} {
		v := check(t, c.change(good()))
		if !strings.Contains(strings.Join(v.Broken, "\n"), c.want) {
			t.Errorf("%s: %q, want %q", name, v.Broken, c.want)
		}
	}
	if _, err := history.Check(strings.NewReader("{}\nnonsense\n"), rules); err == nil || !strings.Contains(err.Error(), "line 2") {
		t.Errorf("nonsense: %v", err)
	}
}
