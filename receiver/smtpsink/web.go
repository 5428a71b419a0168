package smtpsink

import (
	"embed"
	"encoding/json"
	"fmt"
	"html/template"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

//go:embed web
var webFiles embed.FS

// A mail's HTML is hostile until proven otherwise: it gets a document of its own
// without scripts, forms, or anything fetched from elsewhere. Its links open in
// tabs of their own, so that they can be tried.
const (
	pagePolicy = "default-src 'none'; style-src 'self'; img-src data:; frame-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
	mailPolicy = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'self'; sandbox allow-popups allow-popups-to-escape-sandbox"
)

// Web returns the inbox's pages, in French and English, and its JSON API:
//
//	GET /                       the mails, newest first, grouped by Message-ID and language
//	GET /messages/{id}          one transmission
//	GET /messages/{id}/html     its HTML alone, as the page's frame shows it
//	GET /messages/{id}/raw      the message as received
//	GET /api/messages[?after=N] {"messages": [...]}, oldest first, without HTML and headers
//	GET /api/messages/{id}      all of one transmission
//
// Everything is read-only and open to whoever can connect: serve it on 127.0.0.1.
func Web(s *Server) http.Handler {
	v := &view{
		server: s,
		pages: template.Must(template.New("").Funcs(template.FuncMap{
			"clock":     clock,
			"addresses": addressLine,
			"join":      func(list []string) string { return strings.Join(list, ", ") },
		}).ParseFS(webFiles, "web/*.html")),
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", v.list)
	mux.HandleFunc("GET /style.css", v.style)
	mux.HandleFunc("GET /messages/{id}", v.message)
	mux.HandleFunc("GET /messages/{id}/html", v.html)
	mux.HandleFunc("GET /messages/{id}/raw", v.raw)
	mux.HandleFunc("GET /api/messages", v.apiList)
	mux.HandleFunc("GET /api/messages/{id}", v.apiMessage)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", pagePolicy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cache-Control", "no-store")
		mux.ServeHTTP(w, r)
	})
}

type view struct {
	server *Server
	pages  *template.Template
}

// group is one mail: all the transmissions that carry the same Message-ID and subject.
type group struct {
	Latest        Message
	Transmissions []Message // oldest first
	Recipients    []string
	Repeated      bool // some recipient received it more than once
}

// groups puts the transmissions of one mail together, the mail with the newest
// transmission first.
func groups(messages []Message) []group {
	var out []group
	index := make(map[string]int)
	for _, m := range slices.Backward(messages) {
		key := m.MessageID + "\n" + m.Subject // in each reader's language it is a mail of its own
		i, known := index[key]
		if !known || m.MessageID == "" {
			i = len(out)
			index[key] = i
			out = append(out, group{Latest: m})
		}
		out[i].Transmissions = append(out[i].Transmissions, m)
	}
	for i := range out {
		g := &out[i]
		slices.Reverse(g.Transmissions)
		for _, t := range g.Transmissions {
			for _, to := range t.Recipients {
				if slices.Contains(g.Recipients, to) {
					g.Repeated = true
				} else {
					g.Recipients = append(g.Recipients, to)
				}
			}
		}
	}
	return out
}

func (v *view) list(w http.ResponseWriter, r *http.Request) {
	messages := v.server.Messages()
	v.page(w, "list.html", struct {
		W       words
		Groups  []group
		Total   int
		Dropped int
		Address string
	}{wordsFor(r), groups(messages), len(messages), v.server.Dropped(), v.server.Addr()})
}

func (v *view) message(w http.ResponseWriter, r *http.Request) {
	m, ok := v.find(w, r)
	if !ok {
		return
	}
	g := group{Latest: m, Transmissions: []Message{m}}
	for _, each := range groups(v.server.Messages()) {
		if slices.ContainsFunc(each.Transmissions, func(t Message) bool { return t.ID == m.ID }) {
			g = each
		}
	}
	v.page(w, "message.html", struct {
		W     words
		M     Message
		Group group
		Size  int
	}{wordsFor(r), m, g, len(m.Raw)})
}

func (v *view) html(w http.ResponseWriter, r *http.Request) {
	m, ok := v.find(w, r)
	if !ok {
		return
	}
	w.Header().Set("Content-Security-Policy", mailPolicy)
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, _ = io.WriteString(w, withBase(m.HTML))
}

// withBase makes the links of a mail leave its frame.
func withBase(html string) string {
	const base = `<base target="_blank">`
	if i := strings.Index(strings.ToLower(html), "<head>"); i >= 0 && len(strings.ToLower(html)) == len(html) {
		i += len("<head>")
		return html[:i] + base + html[i:]
	}
	return base + html
}

func (v *view) raw(w http.ResponseWriter, r *http.Request) {
	m, ok := v.find(w, r)
	if !ok {
		return
	}
	w.Header().Set("Content-Type", "message/rfc822")
	w.Header().Set("Content-Disposition", fmt.Sprintf(`attachment; filename="message-%d.eml"`, m.ID))
	_, _ = w.Write(m.Raw)
}

func (v *view) style(w http.ResponseWriter, _ *http.Request) {
	css, err := webFiles.ReadFile("web/style.css")
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/css; charset=utf-8")
	_, _ = w.Write(css)
}

// find answers 404 itself when the path names no message.
func (v *view) find(w http.ResponseWriter, r *http.Request) (Message, bool) {
	id, err := strconv.Atoi(r.PathValue("id"))
	m, ok := v.server.Message(id)
	if err != nil || !ok {
		http.Error(w, "no such message (any more)", http.StatusNotFound)
		return Message{}, false
	}
	return m, true
}

func (v *view) page(w http.ResponseWriter, name string, data any) {
	var b strings.Builder
	if err := v.pages.ExecuteTemplate(&b, name, data); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, _ = io.WriteString(w, b.String())
}

func (v *view) apiList(w http.ResponseWriter, r *http.Request) {
	after := 0
	if s := r.FormValue("after"); s != "" {
		n, err := strconv.Atoi(s)
		if err != nil {
			http.Error(w, "after: must be the number of a message", http.StatusBadRequest)
			return
		}
		after = n
	}
	list := []Message{}
	for _, m := range v.server.Messages() {
		if m.ID > after {
			m.HTML, m.Headers = "", nil
			list = append(list, m)
		}
	}
	writeJSON(w, struct {
		Messages []Message `json:"messages"`
	}{list})
}

func (v *view) apiMessage(w http.ResponseWriter, r *http.Request) {
	if m, ok := v.find(w, r); ok {
		writeJSON(w, m)
	}
}

func writeJSON(w http.ResponseWriter, value any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	_ = enc.Encode(value)
}

func clock(t time.Time) string { return t.Format("2006-01-02 15:04:05") }

func addressLine(list []Address) string {
	out := make([]string, 0, len(list))
	for _, a := range list {
		out = append(out, a.String())
	}
	return strings.Join(out, ", ")
}

// words are the labels of the pages in one language.
type words struct {
	Lang, Title, Intro, Empty, Count, To, Cc, From, Subject, Sent, Received, Envelope, Transmissions, Repeated, Text, HTML, Headers, Raw, Back, NoHTML, NoSubject, Clear, Encrypted, Dropped, Malformed string
}

// wordsFor chooses by the reader's first preference.
func wordsFor(r *http.Request) words {
	if strings.HasPrefix(strings.ToLower(r.Header.Get("Accept-Language")), "fr") {
		return words{
			Lang: "fr", Title: "Boîte de réception", Intro: "Rien de ce qui arrive ici n'est remis à qui que ce soit.",
			Empty: "Aucun courriel pour l'instant. Cette page se met à jour toute seule.", Count: "courriels", To: "À", Cc: "Copie", From: "De", Subject: "Objet",
			Sent: "Daté du", Received: "Reçu le", Envelope: "Destinataires réels", Transmissions: "Transmissions", Repeated: "reçu en double",
			Text: "Texte", HTML: "Courriel", Headers: "En-têtes", Raw: "Source (.eml)", Back: "Tous les courriels", NoHTML: "Ce courriel n'a pas de version HTML.",
			NoSubject: "(sans objet)", Clear: "en clair", Encrypted: "chiffré", Dropped: "plus anciens oubliés", Malformed: "Message mal formé",
		}
	}
	return words{
		Lang: "en", Title: "Inbox", Intro: "Nothing that arrives here is delivered to anybody.",
		Empty: "No mail yet. This page refreshes by itself.", Count: "mails", To: "To", Cc: "Cc", From: "From", Subject: "Subject",
		Sent: "Dated", Received: "Received", Envelope: "Real recipients", Transmissions: "Transmissions", Repeated: "received twice",
		Text: "Text", HTML: "Mail", Headers: "Headers", Raw: "Source (.eml)", Back: "All mails", NoHTML: "This mail has no HTML version.",
		NoSubject: "(no subject)", Clear: "in clear text", Encrypted: "encrypted", Dropped: "older ones forgotten", Malformed: "Malformed message",
	}
}
