// Package manual shows runbooks and documentation: they are the same for everybody
// and tell of no customer.
package manual

import (
	"bytes"
	_ "embed"
	"html/template"
	"net/http"
	"slices"
	"strings"

	"vigie/docs/runbooks"
)

//go:embed runbook.html
var page string

// Runbooks shows what to do about each alert, at the address that its runbook_url
// names: whoever is on duty opens them without a token.
type Runbooks struct {
	Style template.CSS
	// Send sends a page, with the headers of all pages.
	Send func(http.ResponseWriter, int, *bytes.Buffer)
	// Failed is told why a page could not be written.
	Failed func(error)
	// Sorry says in a line, in a language, what no page can say any more.
	Sorry func(w http.ResponseWriter, language string, code int)

	html *template.Template
}

// New returns the runbooks.
func New(b Runbooks) *Runbooks {
	b.html = template.Must(template.New("page").Parse(page))
	return &b
}

// pair is a name, and where it leads.
type pair struct{ Name, Value string }

// runbookPage is what the template shows.
type runbookPage struct {
	Lang, Title  string
	Style        template.CSS
	Others       []pair // other languages, and where they lie
	List         string // address of the list
	ListTitle    string
	Text         template.HTML
	SilenceTitle string
	SilenceText  string
	Silence      string // the command
	Products     template.HTML
	Names        []pair // of the list: alerts, and where they lie
}

// Show answers with the runbook of an alert.
func (p *Runbooks) Show(w http.ResponseWriter, r *http.Request, name string) {
	page := p.begin(r, name)
	text, ok := runbooks.Page(page.Lang, name)
	if !ok {
		page.Names = listed(page.Lang)
		page.Text = runbooks.HTML(map[string]string{"fr": "Aucune fiche ne porte ce nom.", "en": "No runbook has this name."}[page.Lang])
		p.write(w, http.StatusNotFound, page)
		return
	}
	page.Title, page.Text = name, runbooks.HTML(text)
	page.Products = runbooks.HTML(runbooks.Products(page.Lang, name))
	page.Silence = silenceCommand(page.Lang, name)
	p.write(w, http.StatusOK, page)
}

// List answers with the names of all runbooks.
func (p *Runbooks) List(w http.ResponseWriter, r *http.Request) {
	page := p.begin(r, "./")
	page.Title, page.Names = page.ListTitle, listed(page.Lang)
	p.write(w, http.StatusOK, page)
}

// begin makes a page in the language that the reader asks for.
func (p *Runbooks) begin(r *http.Request, self string) *runbookPage {
	page := &runbookPage{Lang: runbookLanguage(r), Style: p.Style, Title: self}
	page.List = "./?lang=" + page.Lang
	for _, l := range runbooks.Languages() {
		if l != page.Lang {
			page.Others = append(page.Others, pair{l, "?lang=" + l})
		}
	}
	if page.Lang == "fr" {
		page.ListTitle, page.SilenceTitle = "Toutes les fiches", "Pendant que vous y travaillez"
		page.SilenceText = "Mettez l'alerte en silence, avec une fin et une raison, sur la page d'Alertmanager (New silence) ou ainsi. Vigie montre alors l'incident en main, et reprend à la fin du silence."
	} else {
		page.ListTitle, page.SilenceTitle = "All runbooks", "While you work on it"
		page.SilenceText = "Silence the alert, with an end and a reason, on Alertmanager's page (New silence) or like this. Vigie then shows the incident as in hand, and goes on when the silence ends."
	}
	return page
}

func listed(language string) []pair {
	var out []pair
	for _, name := range runbooks.Alerts() {
		out = append(out, pair{name, name + "?lang=" + language})
	}
	return out
}

// silenceCommand is how to silence an alert; none for the heartbeat.
func silenceCommand(language, alert string) string {
	if alert == "Watchdog" {
		return ""
	}
	words := []string{"amtool", "silence", "add", "--duration=2h", "--comment='the disk is being replaced, Ada'", "alertname=" + alert}
	if language == "fr" {
		words[4] = "--comment='disque en cours de remplacement, Ada'"
	}
	if strings.HasPrefix(alert, "Backup") {
		words = append(words, "customer=dupont", "machine=SRV-AD")
	}
	return strings.Join(words, " ")
}

// runbookLanguage is the language of the address, or the first of the reader's
// that there is, or the usual one.
func runbookLanguage(r *http.Request) string {
	known := runbooks.Languages()
	asked := append([]string{r.URL.Query().Get("lang")}, strings.Split(r.Header.Get("Accept-Language"), ",")...)
	for _, a := range asked {
		code, _, _ := strings.Cut(strings.ToLower(strings.TrimSpace(a)), ";")
		code, _, _ = strings.Cut(code, "-")
		if slices.Contains(known, code) {
			return code
		}
	}
	return known[0]
}

func (p *Runbooks) write(w http.ResponseWriter, code int, page *runbookPage) {
	var b bytes.Buffer
	if err := p.html.Execute(&b, page); err != nil {
		p.Failed(err)
		p.Sorry(w, page.Lang, http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Language", page.Lang)
	w.Header().Set("Vary", "Accept-Language")
	p.Send(w, code, &b)
}
