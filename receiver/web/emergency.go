package web

import (
	"bytes"
	_ "embed"
	"fmt"
	"html/template"
	"net/http"
	"strings"

	"github.com/gorilla/mux"
	"golang.org/x/time/rate"

	"vigie/internal/clip"
	"vigie/receiver"
	"vigie/receiver/web/ask"
	"vigie/receiver/web/linkpages"
	"vigie/rules/incident"
)

const (
	maxEmergency = 16 << 10
	// callsPerMinute bounds what is taken on the emergency entry from everybody
	// together; beyond it callers are asked to try again, or to phone.
	callsPerMinute = 300
)

//go:embed emergency.html
var emergencyHTML string

// NewEmergency returns the emergency entry: the only thing that may be written
// without a name. It stands on a listener of its own, needs neither Alertmanager
// nor the platform, and gives no other right than to call level 3.
func NewEmergency(o Options) http.Handler {
	e := &emergency{links: newLinkPages(o), o: o, page: ask.Template(template.Must(template.New("emergency.html").Parse(emergencyHTML))),
		allowed: rate.NewLimiter(callsPerMinute/60, callsPerMinute)}
	r := mux.NewRouter().SkipClean(true)
	r.HandleFunc("/secours", e.show).Methods(http.MethodGet, http.MethodHead)
	r.HandleFunc("/secours", e.submit).Methods(http.MethodPost)
	return r
}

type emergency struct {
	links   *linkpages.Pages
	o       Options
	page    *template.Template
	allowed *rate.Limiter
}

// emergencyPage is what the template shows.
type emergencyPage struct {
	Style               template.CSS
	Said, Tone          string
	Form                bool
	Platform, Text, Who string
	Wrong               ask.Faults
}

// Fields are what a caller is asked for.
func (p emergencyPage) Fields() []ask.Field {
	fields := ask.Emergency(p.Platform, p.Text, p.Who)
	ask.Mark(fields, p.Wrong)
	return fields
}

func (e *emergency) show(w http.ResponseWriter, _ *http.Request) {
	e.answer(w, http.StatusOK, emergencyPage{Form: true})
}

func (e *emergency) submit(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, maxEmergency)
	if err := r.ParseForm(); err != nil {
		e.answer(w, http.StatusBadRequest, emergencyPage{Tone: "bad", Form: true, Said: "Illisible ou trop long. / Not readable, or too long."})
		return
	}
	p := emergencyPage{Platform: clip.Bytes(r.PostForm.Get("platform"), 200), Text: clip.Runes(r.PostForm.Get("text"), 4000), Who: clip.Runes(r.PostForm.Get("who"), 200)}
	if strings.TrimSpace(p.Text) == "" {
		p.Form, p.Tone, p.Said = true, "bad", "Rien n'a encore été envoyé. / Nothing was sent yet."
		p.Wrong = ask.Faults{"text": "Merci de remplir ce champ. / Please fill this in."}
		e.answer(w, http.StatusUnprocessableEntity, p)
		return
	}
	if !e.allowed.AllowN(e.o.Now(), 1) {
		w.Header().Set("Retry-After", "60")
		p.Form, p.Tone = true, "bad"
		p.Said = "Trop d'appels en ce moment : téléphonez, ou réessayez dans une minute. / Too many calls at the moment: phone, or try again in a minute."
		e.answer(w, http.StatusServiceUnavailable, p)
		return
	}
	c := receiver.EmergencyCall{Platform: p.Platform, Who: p.Who, Text: p.Text}
	if code := r.PostForm.Get("code"); code != "" {
		if who, known := e.o.known(code); known { // a wrong one keeps nobody from calling
			c.Person = who
		}
	}
	inc, err := e.o.Engine.Emergency(r.Context(), c)
	if err != nil {
		code := receiver.Status(err)
		if code >= http.StatusInternalServerError {
			e.o.Logger.Error("an emergency call could not be taken", "err", err)
		}
		p.Form, p.Tone = true, "bad"
		p.Said = "Votre appel n'a pas pu être pris : " + ask.Refusal(e.links.Speaking("fr"), err) + ". Téléphonez. / Your call could not be taken: " + ask.Refusal(e.links.Speaking("en"), err) + ". Please phone."
		e.answer(w, code, p)
		return
	}
	e.answer(w, http.StatusOK, emergencyPage{Tone: "good", Said: received(inc)})
}

// received says what a call has come to: announced work wakes nobody, and then
// nobody is told to have been woken.
func received(inc incident.Incident) string {
	told := [2]string{"Le niveau 3 est prévenu.", "Level 3 is told."}
	if inc.Level != 3 {
		told = [2]string{"Le niveau 3 n'est pas réveillé pour cet appel : des travaux sont annoncés, ou l'incident est déjà suivi. En cas d'urgence, téléphonez.",
			"Level 3 is not woken for this call: work has been announced, or the incident is in hand already. In an emergency, please phone."}
	}
	return fmt.Sprintf("Reçu, sous le numéro #%d. %s / Received, as number #%d. %s", inc.Number, told[0], inc.Number, told[1])
}

func (e *emergency) answer(w http.ResponseWriter, code int, p emergencyPage) {
	p.Style = e.links.Style
	var b bytes.Buffer
	if err := e.page.Execute(&b, p); err != nil {
		e.o.Logger.Error("a page could not be written", "err", err)
		http.Error(w, "Téléphonez. / Please phone.", http.StatusInternalServerError)
		return
	}
	e.links.Send(w, code, &b)
}
