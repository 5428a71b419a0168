package main

import (
	"bytes"
	"slices"
	"strings"
	"testing"
	"time"

	"vigie/rules/act"
)

// Each act has a command with help of its own; a field that it does not have is
// refused before anything is sent.
func TestActHelp(t *testing.T) {
	for _, a := range act.Table() {
		var out, err bytes.Buffer
		if code := run(t.Context(), []string{"act", a.Verb, "--help"}, &out, &err); code != 0 {
			t.Errorf("%s: %d %s", a.Verb, code, err.String())
		}
		text := strings.Join(strings.Fields(out.String()), " ")
		for _, want := range append(slices.Clone(a.Names()), a.Does, "vigie act "+a.Verb+" 12") {
			if !strings.Contains(text, want) {
				t.Errorf("the help of %s lacks %q", a.Verb, want)
			}
		}
	}
	row, _ := act.Of("take")
	for _, bad := range []string{"until=tomorrow", "force"} {
		if _, err := given(row, []string{bad}); err == nil {
			t.Errorf("%q is taken", bad)
		}
	}
	if f, err := given(row, []string{"force=yes"}); err != nil || f["force"] != "yes" {
		t.Errorf("%v %v", f, err)
	}
}

// A report of a call says how it came, and when.
func TestReported(t *testing.T) {
	now := time.Date(2026, 3, 9, 9, 20, 0, 0, time.FixedZone("", 3600))
	got, err := reported([]string{"via=sms", "platform=lms-A", "by=exploit", "text=nobody can log in", "received_at=09:05"}, now)
	if err != nil || got["kind"] != "emergency_means" || got["means"] != "sms" || got["by"] != "exploit" || !got["received_at"].(time.Time).Equal(now.Add(-15*time.Minute)) {
		t.Errorf("%v, %v", got, err)
	}
	for _, c := range []struct {
		fields []string
		want   string
	}{
		{[]string{"via=level2", "platform=lms-A"}, "text is missing"},
		{[]string{"platform=lms-A", "text=x"}, "say how it came, one of phone, mail"},
		{[]string{"via=phone", "text=x", "received_at=yesterday"}, "write 2026-03-09T09:05:00+01:00, or 09:05"},
		{[]string{"via=phone", "text=x", "plattform=lms-A"}, `no field "plattform": it knows via, platform`},
		{[]string{"phone"}, "write field=value"},
	} {
		if _, err := reported(c.fields, now); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v: %v, want %q", c.fields, err, c.want)
		}
	}
}
