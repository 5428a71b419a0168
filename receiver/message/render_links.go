package message

import (
	"net/url"
	"strconv"
	"strings"

	"vigie/rules"
	"vigie/rules/act"
)

// Links makes the addresses behind a mail's buttons. Without a base or a token
// the buttons are left out; people of the organisation then read the command
// that does the same.
type Links struct {
	// Base is where the pages live, "https://vigie.msp.example".
	Base string
	// Token returns what follows Base + "/a/": a signed token for one purpose
	// of one incident, or a whole address (https://...) for a page elsewhere,
	// or "" when there is no such link. Purposes are take, assign, escalate,
	// forecast_yes, forecast_no, answer, call, check_ok, check_ko, silence,
	// attempt, resolve, close, reopen, incident, console and dashboard. The party is the only recipient in To;
	// when there are several it is empty, because all of them read the same
	// message and the page has to ask who acts.
	Token func(n rules.Notification, party rules.Party, purpose string) string
}

// linker makes the links of one notification.
type linker struct {
	Links
	n rules.Notification
	// answerOnly is set when a customer reads the message, in Cc or To: a link
	// must then give no other right than to answer, or to say that it still fails.
	answerOnly bool
}

func (l linker) url(purpose string) string {
	if l.Base == "" || l.Token == nil || l.answerOnly && purpose != "answer" && purpose != "reopen" {
		return ""
	}
	var party rules.Party
	if len(l.n.To) == 1 {
		party = l.n.To[0]
	}
	token := l.Token(l.n, party, purpose)
	if token == "" || strings.Contains(token, "://") {
		return webURL(token)
	}
	return webURL(strings.TrimRight(l.Base, "/") + "/a/" + url.PathEscape(token))
}

// webURL returns an address that may be shown as a link: http or https, no
// invisible characters, of a length that mail programs bear.
func webURL(s string) string {
	if len(s) > 1500 || s != cleanOneLine(s) || strings.ContainsAny(s, " <>\"") {
		return ""
	}
	u, err := url.Parse(s)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		return ""
	}
	return s
}

// action is one button: its words and either an address or a command.
type action struct {
	Label   string
	URL     string
	Command string
	First   bool
}

// Actions are the buttons for the given purposes, those without a link or a
// command left out. A bundle has none: its table has a link per row.
func (v *view) Actions(purposes ...string) []action {
	if v.many {
		return nil
	}
	var all []action
	for _, p := range purposes {
		a := action{Label: v.Word("act." + p), URL: v.links.url(p), First: len(all) == 0}
		if a.URL == "" && (v.links.Token == nil || v.links.Base == "") && !v.Outside() {
			a.Command = v.command(p)
		}
		if a.URL != "" || a.Command != "" {
			all = append(all, a)
		}
	}
	return all
}

// Linked tells whether the purpose has a link.
func (i *item) Linked(purpose string) bool { return i.links.url(purpose) != "" }

// Link is the address for the purpose; "" when there is none.
func (i *item) Link(purpose string) string { return i.links.url(purpose) }

// command is how to do the same from the command line; "" when one cannot.
func (i *item) command(purpose string) string {
	id := strconv.Itoa(i.f.Number)
	if i.f.Number <= 0 {
		id = i.n.IncidentID
	}
	if id == "" || strings.ContainsFunc(id, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' || r == '_')
	}) {
		return ""
	}
	if purpose == "incident" {
		return "vigie explain " + id
	}
	return act.Command(purpose, id)
}
