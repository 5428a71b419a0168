package main

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/alecthomas/kingpin/v2"

	"vigie/receiver/answers"
	"vigie/receiver/store"
)

func (c *commands) mails(app *kingpin.Application) []verb {
	group := app.Command("mails", "Mails that came back and that no incident takes: from strangers, or in answer to nothing."+
		"\n\nExamples:\n  vigie mails\n  vigie mails list --all\n  vigie mails assign 1f0c9a 12\n  vigie mails settle 1f0c9a --reason=\"phoned them\"")
	return []verb{c.listMails(group), c.settleMail(group), c.assignMail(group)}
}

func (c *commands) listMails(group *kingpin.CmdClause) verb {
	cmd := group.Command("list", "List the mails that wait for a person, the newest first.").Default()
	cl, output := c.clientFlags(cmd), outputFlag(cmd)
	all := cmd.Flag("all", "Also those that were taken in or settled.").Bool()
	text := cmd.Flag("text", "Show what is written in them.").Bool()
	limit := cmd.Flag("limit", "At most so many.").Default("100").Int()
	return verb{cmd, func(ctx context.Context) error {
		q := url.Values{"limit": {strconv.Itoa(*limit)}, "open": {strconv.FormatBool(!*all)}}
		var answer struct {
			Mails []store.Mail `json:"mails"`
			Next  string       `json:"next,omitempty"`
		}
		if err := cl.do(ctx, http.MethodGet, "/api/v1/mails?"+q.Encode(), nil, &answer); err != nil {
			return err
		}
		if *output == "json" {
			return c.json(answer)
		}
		t := c.columns("RECEIVED", "MAIL", "IS", "FROM", "SUBJECT", "INCIDENT", "WHY")
		for _, m := range answer.Mails {
			t.row(c.second(m.Received), m.ID, m.Sort, orDash(m.From), orDash(m.Subject), orDash(strings.Join(m.Incidents, " ")), orDash(m.Reason))
			if *text && m.Text != "" {
				for line := range strings.Lines(m.Text) {
					t.row("", "  "+strings.TrimRight(line, "\n"))
				}
			}
		}
		return t.flush()
	}}
}

func (c *commands) settleMail(group *kingpin.CmdClause) verb {
	cmd := group.Command("settle", "Say that you are done with a mail.\n\nExample:\n  vigie mails settle 1f0c9a --reason=\"phoned them\"")
	cl, output := c.clientFlags(cmd), outputFlag(cmd)
	reason := cmd.Flag("reason", "What became of it.").String()
	id := cmd.Arg("mail", "The mail, as the list names it.").Required().String()
	return verb{cmd, func(ctx context.Context) error {
		var m store.Mail
		if err := cl.do(ctx, http.MethodPost, "/api/v1/mails/"+url.PathEscape(*id)+"/settle", map[string]string{"reason": *reason}, &m); err != nil {
			return err
		}
		return c.done(*output, m, "done with the mail of %s", orDash(m.From))
	}}
}

func (c *commands) assignMail(group *kingpin.CmdClause) verb {
	cmd := group.Command("assign", "Keep a mail with the incident that it is about."+
		"\n\nExamples:\n  vigie mails assign 1f0c9a 12\n  vigie mails assign 1f0c9a 12 --as=answer")
	cl, output := c.clientFlags(cmd), outputFlag(cmd)
	as := cmd.Flag("as", "note, or answer for the customer's word: then nobody phones.").Default(answers.AsNote).Enum(answers.Kinds()...)
	id := cmd.Arg("mail", "The mail, as the list names it.").Required().String()
	incident := cmd.Arg("incident", "The incident: its number or id.").Required().String()
	return verb{cmd, func(ctx context.Context) error {
		var m store.Mail
		body := map[string]string{"incident": strings.TrimPrefix(*incident, "#"), "as": *as}
		if err := cl.do(ctx, http.MethodPost, "/api/v1/mails/"+url.PathEscape(*id)+"/assign", body, &m); err != nil {
			return err
		}
		return c.done(*output, m, "the mail of %s is kept with %s", orDash(m.From), strings.Join(m.Incidents, " "))
	}}
}
