package arcserve

import (
	"bytes"
	"cmp"
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"vigie/exporters"
	"vigie/exporters/httpclient"
)

const (
	servicePath = "/services/UDPService"
	opLogin     = "login"
	opHistory   = "getJobHistoryList"
	// maxQuestion bounds what is looked at before it leaves.
	maxQuestion = 64 << 10
)

// service reads a console's web service. It implements way.
type service struct {
	config *Config
	http   *httpclient.Client
	jar    *jar
	at     *url.URL
	inside bool // a session was opened
	known  *knowledge
	odd    exporters.Oddities
	part   exporters.LastGood[row]
}

func newService(c *Config, o exporters.SourceOptions) (*service, error) {
	options, err := c.SOAP.Options(o)
	if err != nil {
		return nil, err
	}
	at, err := url.Parse(c.SOAP.URL.JoinPath(servicePath).String()) // as the request will have it, with its first slash
	if err != nil {
		return nil, err
	}
	s := &service{config: c, jar: newJar(), at: at, known: newKnowledge(c),
		part: exporters.LastGood[row]{Name: jobHistory, Need: exporters.Required}}
	options.PostPaths, options.Concurrency, options.Accept, options.Jar = []string{at.Path}, 1, "text/xml", s.jar
	options.Gate = func(base http.RoundTripper) http.RoundTripper { return &gate{base: base, path: at.Path} }
	options.Fault = func(_ string, _ int, body []byte) error { return faultIn(body) }
	s.http = httpclient.New(options)
	return s, nil
}

func (s *service) close() error {
	s.http.Close()
	return nil
}

func (s *service) fetch(ctx context.Context, now time.Time) (exporters.Snapshot, error) {
	rows, endpoint, err := s.part.Refresh(ctx, s.history)
	if err != nil {
		return exporters.Snapshot{}, err
	}
	out := exporters.Snapshot{Endpoints: []exporters.Endpoint{endpoint}, ClockSkew: s.http.ClockSkew(), CertificateEnds: s.http.CertificateEnds()}
	// Nothing says that an answer holds every machine: none is dropped
	// because it is not in one.
	s.odd.Tell(&out)
	runs := s.known.learn(rows, false, now, &out)
	for _, r := range sharedNames(rows) {
		s.known.odd.count(&out, "node_name_twice", r.node)
	}
	s.known.forgetBefore(now.Add(-time.Duration(s.config.SOAP.Lookback)))
	out.Jobs = s.known.jobs(runs, nil)
	return out, nil
}

// remember takes up the machines that were known before the start.
func (s *service) remember(jobs []exporters.Job, now time.Time) {
	for i := range jobs {
		j := &jobs[i]
		node, _, _ := strings.Cut(j.ID, "/")
		s.known.protections[j.ID] = &protection{node: node, machine: j.Machine, plan: j.Plan, objectType: j.ObjectType, seen: j.LastSeen(now)}
	}
}

// history asks for each node. A job that two nodes tell of is one job.
func (s *service) history(ctx context.Context) ([]row, error) {
	var out []row
	seen := map[string]bool{}
	for _, node := range s.config.SOAP.Nodes {
		got, err := s.ask(ctx, node)
		if err != nil {
			return nil, err
		}
		if got.lost > 0 {
			s.odd.Note(jobHistory, exporters.OddRow)
		}
		for _, rec := range got.records {
			r := s.rowOf(rec)
			if key := r.protection + "\x00" + r.jobType + "\x00" + r.jobID + "\x00" + r.start.String(); !seen[key] {
				seen[key] = true
				out = append(out, r)
			}
		}
	}
	return out, nil
}

// rowOf reads a record. The service names machines by name only, and nothing
// tells whether a job's name is that of its plan: what a machine is protected
// by is told apart by type.
func (s *service) rowOf(rec map[string]string) row {
	r := row{machine: rec["nodename"], node: strings.ToLower(rec["nodename"]), jobID: rec["jobid"], jobType: rec["jobtype"], status: rec["jobstatus"]}
	r.start = s.instant(rec, "start", time.Time{})
	r.end = s.instant(rec, "end", r.start.Time)
	word, _ := s.config.objectType(r.jobType)
	r.protection = r.node + "/" + strings.ReplaceAll(strings.ToLower(word), " ", "-")
	r.plan = "Arcserve UDP"
	return r
}

// instant is the start or the end of a job: published scripts read it in UTC, or on the
// console's wall clock. It is not before another one.
func (s *service) instant(rec map[string]string, which string, earliest time.Time) exporters.Instant {
	utc := exporters.ParseInstant(rec["jobutc"+which+"date"])
	if !utc.IsZero() {
		return utc
	}
	local := exporters.ParseInstant(rec["joblocal"+which+"date"])
	return exporters.Instant{Time: local.From(s.config.location, earliest), Bad: utc.Bad || local.Bad}
}

// sharedNames gives a backup of each machine that another of the same name
// overlaps: one machine saves one after the other.
func sharedNames(rows []row) []row {
	sorted := slices.Clone(rows)
	slices.SortFunc(sorted, func(a, b row) int {
		return cmp.Or(strings.Compare(a.protection, b.protection), a.start.Compare(b.start.Time))
	})
	var out []row
	for i := 1; i < len(sorted); i++ {
		a, b := &sorted[i-1], &sorted[i]
		if a.protection == b.protection && !strings.HasSuffix(a.protection, "/") && !a.start.IsZero() && b.start.Before(a.end.Time) {
			out = append(out, *b)
		}
	}
	return out
}

// ask reads the history of a node. A session that the service no longer knows
// is opened anew, once: how it says so is not documented, so that any fault
// may mean it.
func (s *service) ask(ctx context.Context, node int) (answer, error) {
	for fresh := false; ; fresh = true {
		if !s.inside {
			if err := s.login(ctx); err != nil {
				return answer{}, err
			}
		}
		got, err := s.askOnce(ctx, node)
		if err == nil {
			return got, nil
		}
		var f *fault
		var se *exporters.SourceError
		lost := errors.As(err, &f) || errors.As(err, &se) && (se.Status == http.StatusUnauthorized || se.Status == http.StatusForbidden)
		s.inside = !lost && passing(err)
		switch {
		case lost && !fresh:
			continue
		case f != nil:
			return answer{}, &exporters.SourceError{Endpoint: jobHistory, Reason: exporters.ReasonServer, Err: f}
		}
		return answer{}, err
	}
}

// passing tells whether a failure says nothing about the session.
func passing(err error) bool {
	switch exporters.ReasonOf(err) {
	case exporters.ReasonServer, exporters.ReasonUnreachable, exporters.ReasonTimeout, exporters.ReasonThrottled:
		return true
	}
	return false
}

func (s *service) askOnce(ctx context.Context, node int) (answer, error) {
	body, err := s.call(ctx, opHistory, jobHistory, fmt.Sprint(node))
	if err != nil {
		return answer{}, err
	}
	if err := faultIn(body); err != nil {
		return answer{}, err
	}
	out, err := parseHistory(body, s.config.SOAP.MaxRows)
	if err != nil {
		return answer{}, &exporters.SourceError{Endpoint: jobHistory, Reason: exporters.ReasonMalformed, Err: err}
	}
	return out, nil
}

// login opens a session, which is a cookie. Neither question nor answer
// appears in an error.
func (s *service) login(ctx context.Context) error {
	refused := func(reason exporters.Reason, text string) error {
		return &exporters.SourceError{Endpoint: opLogin, Reason: reason, Err: errors.New(text)}
	}
	password, err := s.config.SOAP.password.Read()
	if err != nil {
		return &exporters.SourceError{Endpoint: opLogin, Reason: exporters.ReasonAuth, Err: fmt.Errorf("password: %w", err)}
	}
	s.jar.empty()
	body, err := s.call(ctx, opLogin, opLogin, s.config.SOAP.Username, password, s.config.SOAP.Domain)
	var f *fault
	if err == nil {
		errors.As(faultIn(body), &f)
	}
	switch {
	case f != nil, errors.As(err, &f):
		return refused(exporters.ReasonAuth, "the service answers with a fault")
	case err != nil:
		return err
	case answerTo(opLogin, body) != nil:
		return refused(exporters.ReasonMalformed, "the answer is not that of a login")
	case len(s.jar.Cookies(s.at)) == 0:
		return refused(exporters.ReasonAuth, "the answer sets no session cookie")
	}
	s.inside = true
	return nil
}

// call sends one operation. Values are for the parameters in their order;
// those that are left out stay null.
func (s *service) call(ctx context.Context, op, endpoint string, values ...string) ([]byte, error) {
	header := http.Header{"Content-Type": {"text/xml; charset=utf-8"}, "Soapaction": {`""`}}
	return s.http.PostDocument(ctx, endpoint, servicePath, header, question(s.config.SOAP, op, values))
}

// question builds an envelope of SOAP 1.1, document style, wrapped.
func question(c *SOAP, op string, values []string) []byte {
	var b bytes.Buffer
	b.WriteString(`<?xml version="1.0" encoding="UTF-8"?><soap:Envelope xmlns:soap="http://schemas.xmlsoap.org/soap/envelope/" xmlns:udp="`)
	_ = xml.EscapeText(&b, []byte(c.Namespace)) // a Buffer takes everything
	b.WriteString(`"><soap:Body><udp:` + op + `>`)
	for i, v := range values {
		b.WriteString("<" + c.Parameters[i] + ">")
		_ = xml.EscapeText(&b, []byte(v))
		b.WriteString("</" + c.Parameters[i] + ">")
	}
	b.WriteString(`</udp:` + op + `></soap:Body></soap:Envelope>`)
	return b.Bytes()
}

// gate lets nothing through but the two calls, whatever the header says: what
// a service does is in the document.
type gate struct {
	base http.RoundTripper
	path string
}

// RoundTrip refuses whatever could change something in the product.
func (g *gate) RoundTrip(r *http.Request) (*http.Response, error) {
	var document []byte
	if r.Body != nil {
		var err error
		document, err = io.ReadAll(io.LimitReader(r.Body, maxQuestion+1))
		_ = r.Body.Close()
		if err != nil {
			return nil, err
		}
	}
	op, err := operation(document)
	if err != nil || len(document) > maxQuestion || r.Method != http.MethodPost || r.URL.Path != g.path || op != opLogin && op != opHistory {
		return nil, fmt.Errorf("refused to send %s %s %.40q: the exporter only reads", r.Method, r.URL.Path, op)
	}
	out := r.Clone(r.Context())
	out.Body, out.ContentLength = io.NopCloser(bytes.NewReader(document)), int64(len(document))
	out.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(document)), nil }
	return g.base.RoundTrip(out)
}

// fault is what the service answers in place of a result.
type fault struct{ text string }

func (f *fault) Error() string { return "the service answers with a fault: " + f.text }

// jar holds the cookies of one session.
type jar struct {
	mu sync.Mutex
	in http.CookieJar
}

func newJar() *jar {
	j := &jar{}
	j.empty()
	return j
}

func (j *jar) empty() {
	in, err := cookiejar.New(nil)
	if err != nil {
		panic(err) // it has no way to fail without options
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	j.in = in
}

func (j *jar) current() http.CookieJar {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.in
}

// SetCookies implements http.CookieJar.
func (j *jar) SetCookies(u *url.URL, cookies []*http.Cookie) { j.current().SetCookies(u, cookies) }

// Cookies implements http.CookieJar.
func (j *jar) Cookies(u *url.URL) []*http.Cookie { return j.current().Cookies(u) }
