package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/alecthomas/kingpin/v2"

	"vigie/rules/incident"
	"vigie/rules/model"
)

// ways are how a report came in, by the word for it on the command line: the
// kind of signal, and the means of one.
func ways() []way {
	return []way{
		{"phone", string(model.EmergencyMeans), "phone"},
		{"mail", string(model.EmergencyMeans), "mail"},
		{"sms", string(model.EmergencyMeans), "sms"},
		{"level2", string(model.Level2Voluntary), ""},
		{"level3", string(model.Level3Emergency), ""},
		{"assistance", string(model.UserAssistance), ""},
	}
}

type way struct{ word, kind, means string }

// reportFields are what a report may say beside how it came.
func reportFields() []reportField {
	return []reportField{
		{"via", "how it came: phone, mail, sms, level2 (the exploitation manager's own report), level3 (the emergency entry), assistance (required)"},
		{"platform", "which platform it is about (required, or customer and machine)"},
		{"customer", "whose machine it is about"},
		{"machine", "which machine"},
		{"by", "who reports: an id of the inventory, or an address; yourself without it"},
		{"text", "the words of the report (required)"},
		{"severity", "as the scenario orders them"},
		{"scope", "all or part"},
		{"recent_change", "yes when something was changed there shortly before: a setting, a plugin, a version"},
		{"received_at", "when it was received, 2026-03-09T09:05:00+01:00, or 09:05 today by this machine's clock; now without it"},
	}
}

type reportField struct{ name, help string }

// report is the act that begins an incident, or joins one: what somebody told by
// phone, mail or SMS, or reports himself.
func (c *commands) report(cmd *kingpin.CmdClause, flags client, output *string) verb {
	var help strings.Builder
	help.WriteString("Take down what somebody reports: a call, a mail, an SMS, or a report of level 2. It opens an incident or joins the one that is open; the clocks run from when it was received.\n\nFields:\n")
	for _, f := range reportFields() {
		fmt.Fprintf(&help, "  %s=\"…\"  %s\n", f.name, f.help)
	}
	help.WriteString("\nExamples:\n  vigie act report via=phone platform=lms-A by=exploit@lms-a.example received_at=09:05 text=\"nobody can log in\"" +
		"\n  vigie act report via=level2 platform=lms-A severity=major text=\"the pages are slow\"")
	sub := cmd.Command("report", help.String())
	pairs := sub.Arg("fields", "field=value ...").Required().Strings()
	return verb{sub, func(ctx context.Context) error {
		send, err := reported(*pairs, time.Now())
		if err != nil {
			return err
		}
		var inc incident.Incident
		if err := flags.do(ctx, http.MethodPost, "/api/v1/signals", send, &inc); err != nil {
			return err
		}
		if *output == "json" {
			return c.json(inc)
		}
		fmt.Fprintf(c.out, "incident #%d (%s) is %s", inc.Number, inc.ID, inc.State)
		if inc.Severity != "" {
			fmt.Fprintf(c.out, ", %s", inc.Severity)
		}
		fmt.Fprintf(c.out, "; its clocks run from %s\n", c.second(inc.StartedAt))
		return nil
	}}
}

// reported makes the body of a report of field=value pairs.
func reported(pairs []string, now time.Time) (map[string]any, error) {
	fields := map[string]string{}
	var names []string
	for _, f := range reportFields() {
		names = append(names, f.name)
	}
	for _, pair := range pairs {
		k, v, err := cutPair(pair, "platform=lms-A")
		if err != nil {
			return nil, err
		}
		if !slices.Contains(names, k) {
			return nil, fmt.Errorf("report has no field %q: it knows %s", k, strings.Join(names, ", "))
		}
		fields[k] = v
	}
	send := map[string]any{"id": rand.Text()}
	for k, v := range fields {
		if k != "via" && k != "received_at" && k != "recent_change" {
			send[k] = v
		}
	}
	if v, has := fields["recent_change"]; has {
		if v != "yes" && v != "no" {
			return nil, fmt.Errorf("recent_change=%s: write yes or no", v)
		}
		send["recent_change"] = v == "yes"
	}
	var words []string
	for _, w := range ways() {
		words = append(words, w.word)
		if w.word == fields["via"] || w.kind == fields["via"] && w.means == "" {
			send["kind"], send["means"] = w.kind, w.means
		}
	}
	if send["kind"] == nil {
		return nil, fmt.Errorf("via=%s: say how it came, one of %s", fields["via"], strings.Join(words, ", "))
	}
	if fields["text"] == "" {
		return nil, fmt.Errorf("text is missing: write what was reported")
	}
	if text := fields["received_at"]; text != "" {
		at, err := receivedAt(text, now)
		if err != nil {
			return nil, err
		}
		send["received_at"] = at
	}
	return send, nil
}

// receivedAt reads an instant, or an hour of today.
func receivedAt(text string, now time.Time) (time.Time, error) {
	if at, err := time.Parse(time.RFC3339, text); err == nil {
		return at, nil
	}
	clock, err := time.Parse("15:04", text)
	if err != nil {
		return time.Time{}, fmt.Errorf("received_at: %q is no instant: write 2026-03-09T09:05:00+01:00, or 09:05", text)
	}
	return time.Date(now.Year(), now.Month(), now.Day(), clock.Hour(), clock.Minute(), 0, 0, now.Location()), nil
}
