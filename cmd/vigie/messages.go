package main

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/alecthomas/kingpin/v2"

	"vigie/receiver"
)

func (c *commands) messages(app *kingpin.Application) []verb {
	group := app.Command("messages", "What was written to people, and what waits to be."+
		"\n\nExamples:\n  vigie messages --waiting\n  vigie messages --incident=12\n  vigie messages retry")
	return []verb{c.listMessages(group), c.retryMessages(group)}
}

func (c *commands) listMessages(group *kingpin.CmdClause) verb {
	cmd := group.Command("list", "List messages: for each recipient whether their server accepted it, and when.").Default()
	cl, output := c.clientFlags(cmd), outputFlag(cmd)
	waiting := cmd.Flag("waiting", "Only what somebody has not got yet, oldest first.").Bool()
	incident := cmd.Flag("incident", "Only those about this incident: id, number, or label=value,label=value.").String()
	limit := cmd.Flag("limit", "At most so many.").Default("100").Int()
	return verb{cmd, func(ctx context.Context) error {
		q := url.Values{"limit": {strconv.Itoa(*limit)}}
		if *waiting {
			q.Set("waiting", "true")
		}
		if *incident != "" {
			id, err := cl.pick(ctx, *incident)
			if err != nil {
				return err
			}
			q.Set("incident", id)
		}
		var all []receiver.MessageSummary
		if err := cl.do(ctx, http.MethodGet, "/api/v1/messages?"+q.Encode(), nil, &all); err != nil {
			return err
		}
		if *output == "json" {
			return c.json(all)
		}
		return c.post(all)
	}}
}

// post prints a line for each recipient of each message.
func (c *commands) post(all []receiver.MessageSummary) error {
	t := c.columns("DECIDED", "INCIDENT", "TEMPLATE", "TO", "STATUS", "WHEN", "TRIES", "MESSAGE", "WHY")
	for _, m := range all {
		for _, r := range m.Recipients {
			status, at := r.Status, r.NextAt
			switch {
			case !r.AcceptedAt.IsZero():
				at = r.AcceptedAt
			case !r.RefusedAt.IsZero():
				at = r.RefusedAt
			case r.Status == "pending" && r.Attempts > 0:
				status = "tried again"
			}
			why, _, _ := strings.Cut(r.Detail, "\n")
			t.row(c.second(m.Decided), orDash(strings.Join(m.Incidents, " ")), m.Template,
				r.Address, status, c.second(at), strconv.Itoa(r.Attempts), orDash(m.ID), why)
		}
	}
	return t.flush()
}

func (c *commands) retryMessages(group *kingpin.CmdClause) verb {
	cmd := group.Command("retry", "Send at once what waits to be tried again, such as after a relay's password was mended; with --refused also what was refused for good.\n\nExamples:\n  vigie messages retry\n  vigie messages retry --incident=12 --refused")
	cl, output := c.clientFlags(cmd), outputFlag(cmd)
	incident := cmd.Flag("incident", "Only messages about this incident: id, number, or label=value,label=value.").String()
	refused := cmd.Flag("refused", "Also to those whose server refused it for good. Needs --incident or a message.").Bool()
	message := cmd.Arg("message", "Only this message: its Message-ID.").String()
	return verb{cmd, func(ctx context.Context) error {
		what := receiver.Retry{Message: *message, Refused: *refused}
		if *incident != "" {
			id, err := cl.pick(ctx, *incident)
			if err != nil {
				return err
			}
			what.Incident = id
		}
		var answer struct {
			Retried int `json:"retried"`
		}
		if err := cl.do(ctx, http.MethodPost, "/api/v1/messages/retry", what, &answer); err != nil {
			return err
		}
		return c.done(*output, answer, "%d transmissions are tried at once; vigie messages --waiting shows what becomes of them", answer.Retried)
	}}
}
