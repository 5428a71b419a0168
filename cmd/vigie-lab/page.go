package main

import (
	"bytes"
	"context"
	"embed"
	"fmt"
	"html/template"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"

	"vigie/receiver"
)

//go:embed page
var pageFiles embed.FS

const (
	pagePolicy = "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
	// askWithin bounds what the page asks the programs before it shows itself.
	askWithin = 3 * time.Second
	maxForm   = 16 << 10
	// wallClock is the zone of the policies, so that the page and the mails agree.
	wallClock = "Europe/Paris"
)

// page is the lab's own page.
type page struct {
	lab  *Lab
	html *template.Template
}

// newPage returns the page's handler. It changes something only for a POST from
// the page itself, and answers only to names of this machine.
func newPage(l *Lab) (http.Handler, error) {
	zone, err := time.LoadLocation(wallClock)
	if err != nil {
		return nil, err
	}
	t, err := template.New("").Funcs(template.FuncMap{
		"ago":      ago,
		"troubles": troubles,
		"second":   func(t time.Time) string { return t.In(zone).Format("15:04:05") },
		"clock":    func(t time.Time) string { return t.In(zone).Format("Mon 2 Jan 15:04") },
	}).ParseFS(pageFiles, "page/*.html")
	if err != nil {
		return nil, err
	}
	p := &page{lab: l, html: t}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", p.show)
	mux.HandleFunc("POST /machine", p.machine)
	mux.HandleFunc("POST /source", p.source)
	mux.HandleFunc("POST /platform", p.platform)
	mux.Handle("GET /platforms/metrics", l.Platforms)
	mux.HandleFunc("POST /receiver", p.receiver)
	mux.Handle("GET /page/", http.FileServerFS(pageFiles))
	return local(http.NewCrossOriginProtection().Handler(mux)), nil
}

// local refuses requests for other host names, against DNS rebinding.
func local(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host, _, err := net.SplitHostPort(r.Host)
		if err != nil {
			host = r.Host
		}
		if ip := net.ParseIP(host); host != "localhost" && (ip == nil || !ip.IsLoopback()) {
			http.Error(w, "this page is for this machine only: open it as localhost", http.StatusMisdirectedRequest)
			return
		}
		h := w.Header()
		h.Set("Content-Security-Policy", pagePolicy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "same-origin")
		h.Set("Cache-Control", "no-store")
		next.ServeHTTP(w, r)
	})
}

// links are the URLs that the page and the terminal show.
type links struct {
	Page, Inbox, Vigie, Emergency, Prometheus, Alertmanager, Metrics, Results string
	// Grafana is empty without one.
	Grafana string
}

func (l *Lab) links(ui bool) links {
	p := l.Files.Ports
	out := links{
		Page: p.Page.URL("http") + "/", Inbox: p.Inbox.URL("http") + "/", Vigie: p.Vigie.URL("http") + "/",
		Emergency:  p.Emergency.URL("http") + "/secours",
		Prometheus: p.Prometheus.URL("http") + "/api/v1/alerts", Alertmanager: p.Alertmanager.URL("http") + "/",
		Metrics: p.Exporter.URL("http") + "/metrics", Results: p.Exporter.URL("http") + "/api/v1/results",
	}
	if p.Grafana != nil {
		out.Grafana = p.Grafana.URL("http") + "/d/backup-fleet"
	}
	if ui {
		out.Prometheus = p.Prometheus.URL("http") + "/alerts"
	}
	return out
}

// view is what the page shows.
type view struct {
	Policy    string
	Example   bool
	Links     links
	Rows      []row
	Platforms []platformRow
	Sources   []SourceState
	Mails     int
	Last      string // subject of the newest mail
	Problems  []string
	Data      string
	// Receivers are several that share a database; Happened is what was seen of them,
	// the newest first.
	Receivers []running
	Happened  []happening
	// Firing counts the backups whose alert fires, Kept those of them that have an
	// open incident.
	Firing, Kept int
}

// row is one machine.
type row struct {
	Machine
	First          bool // of its customer
	Primary, Local cell
}

// platformRow is one platform, with its alerts and incidents.
type platformRow struct {
	Platform
	Alerts    []Alert
	Incidents []receiver.Summary // those that are open
}

// cell is one backup, with its alert and incident.
type cell struct {
	*Backup
	Alert    string // what Prometheus says of it
	Since    time.Time
	Firing   bool
	Incident *receiver.Summary
}

func (p *page) show(w http.ResponseWriter, r *http.Request) {
	var b bytes.Buffer
	if err := p.html.ExecuteTemplate(&b, "page.html", p.view(r.Context())); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, _ = w.Write(b.Bytes()) // the browser went away
}

func (p *page) view(ctx context.Context) view {
	ctx, cancel := context.WithTimeout(ctx, askWithin)
	defer cancel()
	l := p.lab
	v := view{Policy: l.Files.PolicyName, Example: l.Files.PolicyName == "example", Links: l.links(l.ask.hasUI(ctx)), Sources: l.Fleet.Sources(), Data: l.Files.Data}
	mails := l.Inbox.Messages()
	v.Mails = len(mails)
	if len(mails) > 0 {
		v.Last = mails[len(mails)-1].Subject
	}
	alerts, err := l.ask.Alerts(ctx)
	if err != nil {
		v.Problems = append(v.Problems, "Prometheus does not answer: "+err.Error())
	}
	incidents, err := l.ask.Incidents(ctx)
	if err != nil {
		v.Problems = append(v.Problems, "Vigie does not answer: "+err.Error())
	}
	machines := l.Fleet.Machines()
	slices.SortStableFunc(machines, func(a, b Machine) int { return strings.Compare(a.Customer, b.Customer) })
	for i, m := range machines {
		r := row{
			Machine: m, First: i == 0 || machines[i-1].Customer != m.Customer,
			Primary: follow(&m, m.Primary, "primary", alerts, incidents),
			Local:   follow(&m, m.Local, "local", alerts, incidents),
		}
		v.Rows = append(v.Rows, r)
		for _, c := range []cell{r.Primary, r.Local} {
			if c.Firing {
				v.Firing++
				if c.Open() {
					v.Kept++
				}
			}
		}
	}
	for _, one := range l.Platforms.All() {
		v.Platforms = append(v.Platforms, platformRow{
			Platform:  one,
			Alerts:    slices.DeleteFunc(slices.Clone(alerts), func(a Alert) bool { return a.Labels["platform"] != one.ID }),
			Incidents: slices.DeleteFunc(slices.Clone(incidents), func(s receiver.Summary) bool { return s.State.Ended() || !about(s.Identity, one) }),
		})
	}
	v.Receivers, v.Happened = l.receivers.view()
	return v
}

// follow finds the alert and the incident of a backup.
func follow(m *Machine, b *Backup, role string, alerts []Alert, incidents []receiver.Summary) cell {
	c := cell{Backup: b}
	if b == nil {
		return c
	}
	for _, a := range alerts {
		named := a.Labels["machine"] == m.Name || strings.EqualFold(a.Labels["machine"], b.name)
		if !named || a.Labels["customer"] != m.Customer || a.Labels["backup_role"] != role || c.Firing {
			continue
		}
		c.Alert, c.Since, c.Firing = a.Labels["alertname"], a.ActiveAt, a.State == "firing"
	}
	for i := range incidents {
		id := incidents[i].Identity
		if id["customer"] == m.Customer && id["machine"] == m.Name && id["backup_role"] == role {
			c.Incident = &incidents[i] // the newest stands first
			break
		}
	}
	return c
}

// about tells whether an incident is a platform's, or its host's.
func about(identity map[string]string, p Platform) bool {
	return identity["platform"] == p.ID || identity["platform"] == "" && identity["site"] == p.Site
}

// Open tells whether somebody still has to do something.
func (c cell) Open() bool { return c.Incident != nil && !c.Incident.State.Ended() }

func (p *page) machine(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	p.done(w, r, p.lab.Fleet.Machine(r.PostFormValue("machine"), Event(r.PostFormValue("do")), strings.TrimSpace(r.PostFormValue("text"))))
}

func (p *page) source(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	p.done(w, r, p.lab.Fleet.Source(r.PostFormValue("source"), Event(r.PostFormValue("do"))))
}

func (p *page) platform(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	p.done(w, r, p.lab.Platforms.Happen(r.PostFormValue("platform"), Trouble(r.PostFormValue("do"))))
}

func (p *page) receiver(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	p.done(w, r, p.lab.receivers.Do(r.PostFormValue("receiver"), r.PostFormValue("do")))
}

func (p *page) done(w http.ResponseWriter, r *http.Request, err error) {
	if err != nil {
		http.Error(w, err.Error(), http.StatusConflict)
		return
	}
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

// ago says how long something has lasted.
func ago(t time.Time) string {
	d := time.Since(t).Round(time.Second)
	switch {
	case t.IsZero():
		return ""
	case d < 2*time.Minute:
		return fmt.Sprintf("%d s", int(d.Seconds()))
	case d < 2*time.Hour:
		return fmt.Sprintf("%d min", int(d.Minutes()))
	default:
		return fmt.Sprintf("%d h", int(d.Hours()))
	}
}
