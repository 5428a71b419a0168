package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"

	"vigie/receiver"
	"vigie/receiver/web"
)

// incident shows one incident as its page does.
func (c *commands) incident(ctx context.Context, cl client, name, output string) error {
	id, err := cl.pick(ctx, name)
	if err != nil {
		return err
	}
	// With it an earlier form of the answer goes on: the incident as it is stored.
	var answer struct {
		receiver.Summary
		Overview json.RawMessage `json:"overview"`
	}
	if err := cl.do(ctx, http.MethodGet, "/api/v1/incidents/"+id, nil, &answer.Summary); err != nil {
		return err
	}
	if err := cl.do(ctx, http.MethodGet, "/api/v1/incidents/"+id+"/overview", nil, &answer.Overview); err != nil {
		return err
	}
	if output == "json" {
		return c.json(answer)
	}
	var o web.Overview
	if err := json.Unmarshal(answer.Overview, &o); err != nil {
		return err
	}
	c.heading(answer.Summary, &o)
	for _, part := range []func(*web.Overview) error{c.clocks, c.plans, c.steps, c.history, c.letters} {
		if err := part(&o); err != nil {
			return err
		}
	}
	return nil
}

// heading is what stands on top of the page, one line for each.
func (c *commands) heading(i receiver.Summary, o *web.Overview) {
	fmt.Fprintf(c.out, "%s  #%d  %s\n", o.ID, o.Number, keyWord(i.Incident))
	line := func(name, text string) {
		if text != "" && text != "-" {
			fmt.Fprintf(c.out, "%-14s %s\n", name+":", text)
		}
	}
	line("state", strings.Join(append([]string{string(o.State)}, o.Flags...), ", "))
	line("scenario", o.Scenario)
	line("severity", o.Severity)
	line("assignee", o.Assignee)
	line("opened", c.second(o.OpenedAt))
	line("failing since", c.second(o.StartedAt))
	line("last success", c.second(o.LastSuccess))
	line("deadline", c.second(o.Deadline))
	line("expected", o.Promise)
	line("ended", c.second(o.ResolvedAt))
	line("cause", o.Cause)
	line("data loss", o.DataLoss)
	line("error", o.Error)
	line("report", o.Report)
	line("workaround", o.Workaround)
	if b := o.Other; b != nil {
		line("other backup", strings.Join(notEmpty(string(b.State), b.Engine, b.Plan, b.Note, b.Error), ", "))
	}
	if s := o.Silence; s != nil {
		what := "silenced"
		if s.Partly {
			what = "silenced in part"
		}
		line(what, fmt.Sprintf("by %s until %s %s", s.By, c.second(s.Until), s.Comment))
	}
	if n := o.Next; n != nil {
		line("next", fmt.Sprintf("%s at %s to %s", n.Step, c.second(n.At), orDash(strings.Join(n.To, ", "))))
	}
	if o.Confidential {
		line("confidential", "its journal is for those named under access.confidential in the inventory")
	}
}

// notEmpty leaves out what is empty.
func notEmpty(words ...string) (out []string) {
	for _, w := range words {
		if w != "" {
			out = append(out, w)
		}
	}
	return out
}

func (c *commands) clocks(o *web.Overview) error {
	if len(o.Clocks) == 0 {
		return nil
	}
	t := c.section("TARGET", "STATUS", "SINCE", "DUE", "MET")
	for _, x := range o.Clocks {
		t.row(x.Target, x.Status, c.second(x.Start), c.second(x.Due), c.second(x.MetAt))
	}
	return t.flush()
}

func (c *commands) plans(o *web.Overview) error {
	if len(o.Plans) == 0 {
		return nil
	}
	t := c.section("PLAN", "ENGINE", "KIND", "STATE", "SINCE", "LAST SUCCESS", "ERROR")
	for _, x := range o.Plans {
		state := "ended without proof"
		switch {
		case x.Proven:
			state = "proven good"
		case x.Firing:
			state = "failing"
		}
		t.row(orDash(x.Plan), orDash(x.Engine), orDash(x.Kind), state, c.second(x.Since), c.second(x.LastSuccess), firstLine(x.Error))
	}
	return t.flush()
}

func (c *commands) steps(o *web.Overview) error {
	if len(o.Steps) == 0 {
		return nil
	}
	t := c.section("STEP", "STATUS", "WHEN", "WHY", "TO", "CC")
	for _, x := range o.Steps {
		at := x.At
		if at.IsZero() {
			at = x.Due
		}
		t.row(x.Step, x.Status, c.second(at), x.Reason, orDash(strings.Join(x.To, ", ")), orDash(strings.Join(x.Cc, ", ")))
	}
	return t.flush()
}

func (c *commands) history(o *web.Overview) error {
	if len(o.History) == 0 {
		return nil
	}
	t := c.section("LINE", "HAPPENED", "KIND", "WHAT", "WHO", "WHY")
	for _, x := range o.History {
		t.row(fmt.Sprint(x.Line), c.second(x.At), x.Kind, x.What, orDash(x.Actor), firstLine(strings.Join(notEmpty(x.Reason, x.Text), ": ")))
	}
	return t.flush()
}

func (c *commands) letters(o *web.Overview) error {
	if o.Held > 0 {
		fmt.Fprintf(c.out, "\n%d notifications are held and have not become a message yet\n", o.Held)
	}
	if len(o.Messages) == 0 {
		return nil
	}
	t := c.section("WRITTEN", "TEMPLATE", "SUBJECT", "TO", "STATUS", "TRIES")
	for _, m := range o.Messages {
		for _, d := range m.Delivery {
			t.row(c.second(m.At), m.Template, m.Subject, d.Address, d.Status, fmt.Sprint(d.Attempts))
		}
	}
	return t.flush()
}

// section is a table below others.
func (c *commands) section(heads ...string) *columns {
	fmt.Fprintln(c.out)
	return c.columns(heads...)
}

// firstLine keeps a text of somebody's within its cell.
func firstLine(text string) string {
	line, rest, _ := strings.Cut(strings.ReplaceAll(text, "\t", " "), "\n")
	if strings.TrimSpace(rest) != "" {
		line += " …"
	}
	return orDash(strings.TrimSpace(line))
}
