package reports

import (
	"bytes"
	"cmp"
	"context"
	"embed"
	"errors"
	htmltemplate "html/template"
	"strconv"
	"strings"
	texttemplate "text/template"
	"time"

	"vigie/receiver/message"
	"vigie/receiver/message/locale"
	"vigie/rules"
	"vigie/rules/report"
)

//go:embed mail.html mail.txt remind.html remind.txt
var mails embed.FS

// errUnread says that nobody could be asked how the backups of a dossier went.
var errUnread = errors.New("how the backups went is not known, as Prometheus does not answer")

// maxMailed bounds the missed targets that a mail lists; its link leads to all.
const maxMailed = 20

// mailed is what a mail's templates read.
type mailed struct {
	locale.Locale
	*report.Statement
	Name, Link string
	called     func(report.Scope) string // as people know it
	Listed     []report.Breach
	More       int
	Dossier    *report.Dossier
	Since      time.Time // a receiver has watched, unless it watched all of the month
}

// T is a word of the pages.
func (l mailed) T(key string) string { return l.Word(locale.Site + key) }

// Fill is a text of the pages with its parts filled in.
func (l mailed) Fill(key string, pairs ...string) string { return l.Say(locale.Site+key, pairs...) }

// Count is a word of the pages in the form for a number.
func (l mailed) Count(key string, n int) string { return l.Plural(locale.Site+key, n) }

// N writes a number into a text.
func (l mailed) N(n int) string { return strconv.Itoa(n) }

// Rate is a share in percent; what is not known is said to be.
func (l mailed) Rate(n report.Nights) string {
	rate, known := n.Rate()
	if !known {
		return l.T("report.unknown")
	}
	return Percent(l.Locale, rate)
}

// Percent writes a share.
func Percent(l locale.Locale, rate float64) string {
	text := strconv.FormatFloat(float64(int(rate*1000))/10, 'f', 1, 64) // never rounded up to 100 %
	return strings.Replace(text, ".", l.DecimalMark(), 1) + " %"
}

// CustomerName is what a customer is called, or was when the inventory had it.
func (l mailed) CustomerName(id string) string {
	return cmp.Or(l.called(report.Scope{Customer: id}), id)
}

// Of is what a missed target was about.
func (l mailed) Of(b report.Breach) string {
	var parts []string
	for _, s := range []string{l.CustomerName(b.Customer), b.Machine, cmp.Or(l.called(report.Scope{Platform: b.Platform}), b.Platform)} {
		if s != "" {
			parts = append(parts, s)
		}
	}
	return strings.Join(parts, " – ")
}

// Mail is the words of a monthly report for those who read one language. It leads to
// the report's page, where base is the address of the pages; without one it says what
// the mail can say alone. With errUnread the words say so where Prometheus was silent.
func (m *Maker) Mail(ctx context.Context, month report.Month, x rules.MonthlyMail, languages *locale.Catalog, base string) (message.Rendered, error) {
	// What is confidential is for those who are named, and a mail is passed on.
	s, err := m.Statement(ctx, month, x.Scope, m.ReadBy(""))
	if err != nil {
		return message.Rendered{}, err
	}
	l := mailed{Locale: locale.Locale{Language: languages.Find(x.Language), Zone: month.From.Location(), Ref: month.To}, Statement: s, Name: m.Name(x.Scope), called: m.Name}
	if l.Listed = s.Breaches; len(l.Listed) > maxMailed {
		l.Listed, l.More = l.Listed[:maxMailed], len(s.Breaches)-maxMailed
	}
	if x.Report == "dossier" {
		if l.Dossier, err = m.Dossier(ctx, month, x.Scope.Customer, m.ReadBy("")); err != nil {
			return message.Rendered{}, err
		}
	}
	if l.Since, err = m.Unwatched(ctx, month); err != nil {
		return message.Rendered{}, err
	}
	if base != "" {
		l.Link = strings.TrimSuffix(base, "/") + "/reports/" + x.Report + "?" + x.Scope.Query(month.Name).Encode()
	}
	words, err := l.render(x.Report)
	if err == nil && l.Dossier != nil && l.Dossier.Backups.Fault {
		err = errUnread
	}
	return words, err
}

// render writes the mail of a report.
func (l mailed) render(kind string) (message.Rendered, error) {
	title := l.T("report.statement")
	if kind == "dossier" {
		title = l.T("report.dossier")
	}
	name := l.Name
	if name == "" {
		name = l.T("report.everybody")
	}
	subject := title + " – " + l.Locale.Month(l.From) + " – " + name
	return written("mail", subject, l.Code, struct {
		mailed
		Title string
	}{l, subject})
}

// reminded is what the templates of a reminder read.
type reminded struct {
	letter mailed
	Due    []report.TestDue
	Link   string
}

func (r reminded) render() (message.Rendered, error) {
	subject := r.letter.Fill("report.mail.tests", "n", strconv.Itoa(len(r.Due)))
	return written("remind", subject, r.letter.Code, struct {
		mailed
		Title, Link string
		Due         []report.TestDue
	}{r.letter, subject, r.Link, r.Due})
}

// written fills in the templates of one mail.
func written(name, subject, language string, data any) (message.Rendered, error) {
	out := message.Rendered{Subject: subject, Language: language}
	html, err := htmltemplate.ParseFS(mails, name+".html")
	if err != nil {
		return out, err
	}
	text, err := texttemplate.ParseFS(mails, name+".txt")
	if err != nil {
		return out, err
	}
	var h, t bytes.Buffer
	if err := html.Execute(&h, data); err != nil {
		return out, err
	}
	if err := text.Execute(&t, data); err != nil {
		return out, err
	}
	out.HTML, out.Text = h.String(), strings.TrimSpace(t.String())+"\n"
	return out, nil
}

// Name is how the inventory calls a customer or a platform; "" for what it does not
// know.
func (m *Maker) Name(s report.Scope) string {
	dir := m.Book().Directory
	if p := dir.Platforms[s.Platform]; p != nil {
		return p.Name
	}
	if c := dir.Customers[s.Customer]; c != nil {
		return c.Name
	}
	return ""
}
