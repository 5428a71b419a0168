package message

import (
	"net/url"
	"slices"
	"strconv"
	"strings"

	"vigie/rules/act"
	"vigie/rules/incident"
	"vigie/rules/model"
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
	Token func(n incident.Notification, party incident.Party, purpose string) string
}

// linker makes the links of one notification.
type linker struct {
	Links
	n incident.Notification
	// answerOnly is set when a customer reads the message, or the answer to all in which
	// it is quoted: a link must then give no other right than to answer, or to say that
	// it still fails.
	answerOnly bool
}

func (l linker) url(purpose string) string {
	if l.Base == "" || l.Token == nil || l.answerOnly && !forCustomers(purpose) {
		return ""
	}
	var party incident.Party
	if len(l.n.To) == 1 {
		party = l.n.To[0]
	}
	token := l.Token(l.n, party, purpose)
	if token == "" || strings.Contains(token, "://") {
		return webURL(token)
	}
	return webURL(strings.TrimRight(l.Base, "/") + "/a/" + url.PathEscape(token))
}

// severalRows begins the purpose of the link to a page on which several rows of a
// mail are ticked; what can be done with them follows.
const severalRows = "several:"

// forCustomers tells what a customer's own people may have a link to.
func forCustomers(purpose string) bool {
	list, _ := strings.CutPrefix(purpose, severalRows)
	return !slices.ContainsFunc(strings.Split(list, ","), func(p string) bool { return p != "answer" && p != "reopen" })
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

// action is one button: its words and either an address or a command. The first
// of a bundle's row says whose it is, and stands there even without a button.
type action struct {
	Label   string
	URL     string
	Command string
	First   bool
	Small   bool // one of many in a bundle
	Row     *actionRow
}

// actionRow is what stands above the buttons of one incident of a bundle.
type actionRow struct {
	Title string
	Error string // the product's own message, for staff
}

// Button tells whether there is something to press or to type.
func (a action) Button() bool { return a.URL != "" || a.Command != "" }

// maxActed is how many rows of a bundle have all their buttons. The page of the
// incident, which every further row links to, has them all.
const maxActed = 60

// Actions are the buttons for the given purposes, those without a link or a
// command left out. A bundle has those of each incident in turn, the page of the
// incident and the console among them. A template that then asks for pages alone
// gets none: each row has them already.
func (v *view) Actions(purposes ...string) []action {
	if !v.many {
		return v.actions(purposes, v.outside)
	}
	acting := slices.ContainsFunc(purposes, acts)
	if !acting && (v.acted || len(v.Items) == 0) {
		return nil
	}
	v.acted = v.acted || acting
	pages := slices.DeleteFunc(slices.Clone(purposes), acts)
	for _, p := range []string{"incident", "console"} {
		if acting && !slices.Contains(pages, p) {
			pages = append(pages, p)
		}
	}
	purposes = append(slices.DeleteFunc(slices.Clone(purposes), func(p string) bool { return !acts(p) }), pages...)
	all := v.AtOnce(purposes...)
	for n, i := range v.Items {
		if n == maxActed {
			purposes = []string{"incident"}
		}
		buttons := i.actions(i.open(purposes), v.outside)
		row := &actionRow{Title: v.rowTitle(i)}
		if acting && !v.outside {
			row.Error = i.Error()
		}
		if len(buttons) == 0 {
			if row.Error == "" {
				continue
			}
			buttons = []action{{}}
		}
		for b := range buttons {
			buttons[b].Small = b > 0
		}
		buttons[0].Row = row
		all = append(all, buttons...)
	}
	return all
}

// AtOnce is the button of a bundle that leads to one page for all its rows; none
// where there is but one incident, or no link.
func (v *view) AtOnce(purposes ...string) []action {
	about := map[string]bool{}
	for _, i := range v.Items {
		about[i.n.IncidentID] = true
	}
	purposes = slices.DeleteFunc(slices.Clone(purposes), func(p string) bool {
		return !acts(p) || v.outside && !forCustomers(p) || !slices.ContainsFunc(v.Items, func(i *item) bool { return i.fits(p) })
	})
	if len(about) < 2 || len(purposes) == 0 {
		return nil
	}
	a := action{Label: v.Word("act.several"), URL: v.Items[0].links.url(severalRows + strings.Join(purposes, ",")), First: true}
	if a.URL == "" {
		return nil
	}
	return []action{a}
}

// acts tells a purpose by which somebody does something from a mere page.
func acts(purpose string) bool {
	return purpose != "incident" && purpose != "console" && purpose != "dashboard"
}

// rowTitle is "#123 – SRV-AD – Acronis, principale", with the customer's name
// where a bundle speaks of several.
func (v *view) rowTitle(i *item) string {
	if v.outside {
		return joinNonEmpty(" – ", i.Thing())
	}
	customer := ""
	if v.mixed() {
		customer = i.Customer()
	}
	what := i.backup()
	switch {
	case i.IsPlatform():
		what = i.Alert()
	case !i.isBackup() && i.f.Alertname != "":
		what = i.AlertOwn()
	}
	return joinNonEmpty(" – ", i.ID(), customer, i.Thing(), what)
}

// buttons are what a reader can do about it.
type buttons struct {
	*sheet
	evidence
}

// open leaves out the question after the other backup where that is known.
func (i buttons) open(purposes []string) []string {
	if i.OtherOpen() {
		return purposes
	}
	return slices.DeleteFunc(slices.Clone(purposes), func(p string) bool { return p == "check_ok" || p == "check_ko" })
}

func (i buttons) actions(purposes []string, outside bool) []action {
	var all []action
	for _, p := range purposes {
		if !i.fits(p) {
			continue
		}
		a := action{Label: i.Word("act." + p), URL: i.links.url(p), First: len(all) == 0}
		if a.URL == "" && (i.links.Token == nil || i.links.Base == "") && !outside {
			a.Command = i.command(p)
		}
		if a.Button() {
			all = append(all, a)
		}
	}
	return all
}

// fits leaves out what could only be refused: what belongs to incidents that
// people qualify, a call where nobody phones, and "not at once" where nobody counts
// on that.
func (i buttons) fits(purpose string) bool {
	row, _, known := act.For(purpose)
	switch {
	case purpose == "not_immediate":
		return i.hasFlag(model.FlagImmediate)
	case purpose == "call":
		return !i.f.NoCalls
	case purpose == "escalate":
		return !i.f.NoEscalation
	case purpose == "promote":
		return !i.f.Grades
	case purpose == "restore":
		return i.f.Grades
	}
	return !known || !row.Platform || i.f.Grades
}

// Linked tells whether the purpose has a link.
func (i buttons) Linked(purpose string) bool { return i.links.url(purpose) != "" }

// Link is the address for the purpose; "" when there is none.
func (i buttons) Link(purpose string) string { return i.links.url(purpose) }

// command is how to do the same from the command line; "" when one cannot.
func (i buttons) command(purpose string) string {
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
