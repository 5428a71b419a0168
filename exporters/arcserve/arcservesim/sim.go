// Package arcservesim is a simulated web service of an Arcserve UDP console:
// an HTTP handler that answers login and getJobHistoryList in SOAP, and a Go
// interface to steer what happens on it.
//
// What is evidenced are the path, the two operations with their parameters,
// the session cookie, and the names and words of the fields. The envelope
// around them is what Java's web services write unless told otherwise; no
// answer of a real console has been published.
package arcservesim

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"vigie/exporters/misbehave"
)

// Namespace is the one of the service unless Options say otherwise.
const Namespace = "http://webservice.udp.sim.example/"

// Options configure a simulator.
type Options struct {
	Now       func() time.Time // required
	Username  string           // default "sim-user"
	Password  string           // default "sim-password"
	Domain    string
	Namespace string
}

// Sim is one console. It is safe for concurrent use.
//
// Its operations, for orders and counts: login, getJobHistoryList; refused is
// whatever else was called.
type Sim struct {
	misbehave.Controls
	o Options

	mu       sync.Mutex
	serial   int
	sessions map[string]bool
	jobs     []*Job
}

// Job is one line of the history.
type Job struct {
	ID         int
	NodeID     int // for which the history tells it
	Node       string
	Name       string
	Type       int
	Status     string
	Start, End time.Time
}

// New builds a console without jobs.
func New(o Options) *Sim {
	if o.Username == "" {
		o.Username = "sim-user"
	}
	if o.Password == "" {
		o.Password = "sim-password"
	}
	if o.Namespace == "" {
		o.Namespace = Namespace
	}
	return &Sim{o: o, sessions: map[string]bool{}}
}

// Start lets a job run until Finish.
func (s *Sim) Start(nodeID int, node string, jobType int) *Job {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.serial++
	j := &Job{ID: 4000 + s.serial, NodeID: nodeID, Node: node, Name: node + " backup", Type: jobType, Status: "Active", Start: s.o.Now()}
	s.jobs = append(s.jobs, j)
	return j
}

// Finish ends a job with a status.
func (s *Sim) Finish(j *Job, status string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	j.Status, j.End = status, s.o.Now()
}

// Forget drops the jobs that began before t, as the console's retention does.
func (s *Sim) Forget(t time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.jobs = slices.DeleteFunc(s.jobs, func(j *Job) bool { return j.Start.Before(t) })
}

// Secrets gives what must never come out: the open sessions.
func (s *Sim) Secrets() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []string
	for secret := range s.sessions {
		out = append(out, secret)
	}
	return out
}

// envelope is what comes in.
type envelope struct {
	Body struct {
		Login *struct {
			User     string `xml:"arg0"`
			Password string `xml:"arg1"`
			Domain   string `xml:"arg2"`
			XMLName  xml.Name
		} `xml:"login"`
		History *struct {
			Node    int `xml:"arg0"`
			XMLName xml.Name
		} `xml:"getJobHistoryList"`
	} `xml:"http://schemas.xmlsoap.org/soap/envelope/ Body"`
}

// ServeHTTP answers like the service.
func (s *Sim) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Date", s.o.Now().UTC().Format(http.TimeFormat))
	h.Set("Content-Type", "text/xml; charset=utf-8")
	var in envelope
	data, err := io.ReadAll(io.LimitReader(r.Body, 1<<20))
	if err == nil {
		err = xml.Unmarshal(data, &in)
	}
	s.mu.Lock()
	order, status, body := s.answer(w, r, &in, err)
	s.mu.Unlock()
	misbehave.Write(w, r, order, status, body)
}

func (s *Sim) answer(w http.ResponseWriter, r *http.Request, in *envelope, err error) (misbehave.Order, int, []byte) {
	var op, namespace string
	switch {
	case err != nil || r.Method != http.MethodPost || r.URL.Path != "/services/UDPService":
	case in.Body.Login != nil && in.Body.History == nil:
		op, namespace = "login", in.Body.Login.XMLName.Space
	case in.Body.History != nil && in.Body.Login == nil:
		op, namespace = "getJobHistoryList", in.Body.History.XMLName.Space
	}
	if op == "" || namespace != s.o.Namespace {
		op = "refused"
	}
	order, down := s.Take(op)
	switch {
	case down:
		return order, http.StatusServiceUnavailable, []byte("Service Unavailable")
	case op == "refused":
		return order, http.StatusInternalServerError, faultOf("Cannot find dispatch method")
	}
	if order.Fault == misbehave.ExpireTokens {
		clear(s.sessions)
	}
	if op == "login" {
		if l := in.Body.Login; l.User != s.o.Username || l.Password != s.o.Password || l.Domain != s.o.Domain {
			return order, http.StatusInternalServerError, faultOf("Invalid credentials")
		}
		s.serial++
		id := fmt.Sprintf("SIMSESSION%022d", s.serial)
		s.sessions[id] = true
		http.SetCookie(w, &http.Cookie{Name: "JSESSIONID", Value: id, Path: "/", HttpOnly: true})
		return order, http.StatusOK, s.wrap(op, "<return>"+strconv.Itoa(s.serial)+"</return>")
	}
	cookie, err := r.Cookie("JSESSIONID")
	if err != nil || !s.sessions[cookie.Value] {
		return order, http.StatusInternalServerError, faultOf("The session has timed out")
	}
	return order, http.StatusOK, s.wrap(op, s.history(in.Body.History.Node, order.Fault))
}

func (s *Sim) wrap(op, inner string) []byte {
	return []byte(`<?xml version='1.0' encoding='UTF-8'?><S:Envelope xmlns:S="http://schemas.xmlsoap.org/soap/envelope/"><S:Body><ns2:` + op +
		`Response xmlns:ns2="` + escape(s.o.Namespace) + `">` + inner + `</ns2:` + op + `Response></S:Body></S:Envelope>`)
}

func faultOf(text string) []byte {
	return []byte(`<?xml version='1.0' encoding='UTF-8'?><S:Envelope xmlns:S="http://schemas.xmlsoap.org/soap/envelope/"><S:Body>` +
		`<S:Fault><faultcode>S:Server</faultcode><faultstring>` + escape(text) + `</faultstring></S:Fault></S:Body></S:Envelope>`)
}

func escape(s string) string {
	var b bytes.Buffer
	_ = xml.EscapeText(&b, []byte(s))
	return b.String()
}

func (s *Sim) history(node int, f misbehave.Fault) string {
	var lines []string
	for _, j := range s.jobs {
		if j.NodeID == node {
			lines = append(lines, j.line())
		}
	}
	total := len(lines)
	if f == misbehave.HalfPage {
		lines = lines[:len(lines)/2]
	}
	return "<return>" + strings.Join(lines, "") + "<totalCount>" + strconv.Itoa(total) + "</totalCount></return>"
}

func (j *Job) line() string {
	var b strings.Builder
	field := func(name, value string) { b.WriteString("<" + name + ">" + escape(value) + "</" + name + ">") }
	b.WriteString("<data>")
	field("jobId", strconv.Itoa(j.ID))
	field("jobName", j.Name)
	field("jobStatus", j.Status)
	field("jobType", strconv.Itoa(j.Type))
	if !j.End.IsZero() {
		field("jobUTCEndDate", j.End.UTC().Format("2006-01-02T15:04:05.000Z"))
	}
	field("jobUTCStartDate", j.Start.UTC().Format("2006-01-02T15:04:05.000Z"))
	field("nodeName", j.Node)
	field("targetRPSId", "1")
	b.WriteString("</data>")
	return b.String()
}
