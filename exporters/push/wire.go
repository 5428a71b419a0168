package push

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/prometheus/common/model"

	"vigie/exporters"
)

// The bounds of a report's fields, in bytes. Longer error texts are cut, all
// else is refused.
const (
	maxID    = 128
	maxName  = 256
	maxError = 4 << 10
)

// Report is one finished (or missed) run, as it travels.
type Report struct {
	// RunID is the sender's id of the run; the same id is never counted twice.
	RunID string `json:"run_id"`
	// Customer may be left out: the token says whose result it is.
	Customer string `json:"customer,omitempty"`
	JobID    string `json:"job_id"`  // stable within the customer
	Machine  string `json:"machine"` // as the inventory calls it
	// MachineClass is server, nas, workstation or other (the default).
	MachineClass exporters.Class `json:"machine_class,omitempty"`
	// BackupRole is primary or local; the source's configuration has the default.
	BackupRole exporters.Role `json:"backup_role,omitempty"`
	Engine     string         `json:"engine,omitempty"`      // restic, borg, robocopy …; default script
	Plan       string         `json:"plan,omitempty"`        // for people; default the job's id
	ObjectType string         `json:"object_type,omitempty"` // for people
	// Target is where it was saved to. A job that saves to several by turns is shown
	// as one for each: the success of one says nothing of another.
	Target string `json:"target,omitempty"`
	// Result is one of success, warning, failed, cancelled, missed, unknown, or
	// running: another run of the job is at work, and this one came to nothing.
	Result  string            `json:"result"`
	Started exporters.Instant `json:"started_at,omitzero"`
	Ended   exporters.Instant `json:"ended_at"`
	// Size is the number of bytes processed, and Files that of the files which
	// the backup holds; 0 is nothing, left out is not known.
	Size  exporters.Amount `json:"size_bytes,omitzero"`
	Files exporters.Amount `json:"files,omitzero"`
	Error string           `json:"error,omitempty"`
	// Enabled is false for a job that is switched off; nil means true.
	Enabled  *bool             `json:"enabled,omitempty"`
	NextRun  exporters.Instant `json:"next_run_at,omitzero"`
	Interval string            `json:"expected_interval,omitempty"` // for example 24h
}

// Problem says what is wrong with a request, where, and how to mend it.
type Problem struct {
	Status int    `json:"-"` // the HTTP status it is answered with
	Where  string `json:"where,omitempty"`
	What   string `json:"what"`
	Cure   string `json:"cure"`

	foreign bool // answered by something that is not an exporter
}

// Error gives "where: what; cure".
func (p *Problem) Error() string {
	s := p.What
	if p.Cure != "" {
		s += "; " + p.Cure
	}
	if p.Where != "" {
		s = p.Where + ": " + s
	}
	return s
}

// Decode reads one report or a list of at most limit and checks each. What it
// refuses is a *Problem.
func Decode(body []byte, limit int) ([]Report, error) {
	body = bytes.TrimPrefix(body, []byte("\xef\xbb\xbf"))
	if !utf8.Valid(body) {
		return nil, &Problem{Status: 400, What: "the body is not UTF-8", Cure: "write the JSON as UTF-8; Windows PowerShell writes UTF-16 unless it is told otherwise"}
	}
	body = bytes.TrimSpace(body)
	if len(body) == 0 {
		return nil, &Problem{Status: 400, What: "the body is empty", Cure: "send one JSON object, or a list of them"}
	}
	if body[0] != '[' {
		r, err := decodeOne(body, "")
		if err != nil {
			return nil, err
		}
		return []Report{r}, nil
	}
	var raw []json.RawMessage
	if err := json.Unmarshal(body, &raw); err != nil {
		return nil, notJSON("", err)
	}
	if len(raw) == 0 {
		return nil, &Problem{Status: 400, What: "the list is empty", Cure: "send at least one result"}
	}
	if len(raw) > limit {
		return nil, &Problem{Status: 413, What: fmt.Sprintf("%d results at once", len(raw)), Cure: fmt.Sprintf("send at most %d in one request", limit)}
	}
	out := make([]Report, len(raw))
	for i := range raw {
		r, err := decodeOne(raw[i], "["+strconv.Itoa(i)+"]")
		if err != nil {
			return nil, err
		}
		out[i] = r
	}
	return out, nil
}

func decodeOne(data []byte, where string) (Report, error) {
	var r Report
	if data[0] != '{' {
		return r, &Problem{Status: 400, Where: where, What: "not an object", Cure: "send one JSON object for each result"}
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&r); err != nil {
		return r, notJSON(where, err)
	}
	if key := repeatedKey(data); key != "" {
		// Which of the two is meant nobody can say; one may be a success.
		return r, &Problem{Status: 400, Where: where, What: fmt.Sprintf("the key %q stands twice", key), Cure: "write each key once; case makes no other key of it"}
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return r, &Problem{Status: 400, Where: where, What: "more text after the object", Cure: "send one JSON object, or a list of them"}
	}
	r.clean()
	if p := r.check(); p != nil {
		if where != "" {
			p.Where = where + "." + p.Where
		}
		return r, p
	}
	return r, nil
}

// repeatedKey gives a key of a flat object that stands in it twice.
func repeatedKey(object []byte) string {
	dec := json.NewDecoder(bytes.NewReader(object))
	seen := map[string]bool{}
	_, _ = dec.Token() // the brace; the object was decoded before
	for dec.More() {
		key, err := dec.Token()
		text, ok := key.(string)
		var value json.RawMessage
		if err != nil || !ok || dec.Decode(&value) != nil {
			return "" // no object: said elsewhere
		}
		if text = strings.ToLower(text); seen[text] {
			return text
		}
		seen[text] = true
	}
	return ""
}

// fieldNames are named to senders that write a key wrong.
const fieldNames = "run_id, customer, job_id, machine, machine_class, backup_role, engine, plan, object_type, result, started_at, ended_at, size_bytes, files, error, enabled, next_run_at, expected_interval"

var unknownField = regexp.MustCompile(`^json: unknown field (".*")$`)

func notJSON(where string, err error) *Problem {
	p := &Problem{Status: 400, Where: where, What: strings.TrimPrefix(err.Error(), "json: "), Cure: "send well-formed JSON, see the documentation for an example"}
	var wrongType *json.UnmarshalTypeError
	switch m := unknownField.FindStringSubmatch(err.Error()); {
	case m != nil:
		p.What, p.Cure = "unknown key "+m[1], "known are "+fieldNames
	case errors.As(err, &wrongType):
		p.Where = strings.TrimPrefix(where+"."+wrongType.Field, ".")
		p.What, p.Cure = "a "+wrongType.Value+" cannot stand here", "write a "+kindWord(wrongType.Type.Kind().String())
	}
	return p
}

func kindWord(kind string) string {
	switch kind {
	case "int64":
		return "whole number"
	case "bool", "ptr":
		return "true or false without quotes"
	default:
		return "text in quotes"
	}
}

// clean takes blanks away and cuts the error text, which scripts fill with
// whole logs.
func (r *Report) clean() {
	for _, s := range []*string{&r.RunID, &r.Customer, &r.JobID, &r.Machine, &r.Engine, &r.Plan, &r.ObjectType, &r.Target, &r.Result, &r.Interval} {
		*s = strings.TrimSpace(*s)
	}
	r.Result = strings.ToLower(r.Result)
	r.Error = cut(strings.TrimSpace(r.Error), maxError)
	r.Started.Time, r.Ended.Time, r.NextRun.Time = r.Started.UTC(), r.Ended.UTC(), r.NextRun.UTC()
}

// cut keeps the end, where logs say why they stopped.
func cut(s string, limit int) string {
	if len(s) <= limit {
		return s
	}
	at := len(s) - limit + len("… ")
	for at < len(s) && !utf8.RuneStart(s[at]) {
		at++
	}
	return "… " + s[at:]
}

var engineName = regexp.MustCompile(`^[a-z0-9][a-z0-9_.-]{0,63}$`)

// Check cleans a report that was not decoded and says what is wrong with it.
func (r *Report) Check() error {
	for _, s := range []*string{&r.Error, &r.Plan, &r.Machine} {
		*s = strings.ToValidUTF8(*s, "\uFFFD")
	}
	r.clean()
	if p := r.check(); p != nil {
		return p
	}
	return nil
}

func (r *Report) check() *Problem {
	for _, c := range []func() *Problem{r.checkTexts, r.checkWords, r.checkTimes} {
		if p := c(); p != nil {
			return p
		}
	}
	return nil
}

func (r *Report) checkTexts() *Problem {
	for _, f := range []struct {
		key, value string
		limit      int
		needed     bool
		example    string
	}{
		{"run_id", r.RunID, maxID, true, "an id that no other run of the job has, such as srv-ad-2026-03-09T21:00"},
		{"job_id", r.JobID, maxID, true, "an id that stays the same from run to run, such as srv-ad-home"},
		{"machine", r.Machine, maxName, true, "the machine's name as in the inventory"},
		{"customer", r.Customer, maxID, false, "the customer's id"},
		{"plan", r.Plan, maxName, false, "a name"},
		{"object_type", r.ObjectType, maxName, false, "a word"},
		{"target", r.Target, maxName, false, "a name"},
	} {
		if f.value == "" && f.needed {
			return &Problem{Status: 400, Where: f.key, What: "missing", Cure: "give " + f.example}
		}
		if len(f.value) > f.limit {
			return &Problem{Status: 400, Where: f.key, What: fmt.Sprintf("%d bytes", len(f.value)), Cure: fmt.Sprintf("use at most %d", f.limit)}
		}
		if strings.ContainsFunc(f.value, unicode.IsControl) {
			return &Problem{Status: 400, Where: f.key, What: "a control character", Cure: "use printable characters"}
		}
	}
	return nil
}

func (r *Report) checkWords() *Problem {
	if _, ok := results()[r.Result]; !ok && r.Result != running {
		return &Problem{Status: 400, Where: "result", What: fmt.Sprintf("%q is no result", cut(r.Result, maxID)),
			Cure: "known are success, warning, failed, cancelled, missed, unknown, running"}
	}
	if r.Engine != "" && !engineName.MatchString(r.Engine) {
		return &Problem{Status: 400, Where: "engine", What: "not a word for an engine", Cure: "use lower-case letters, digits, dots and dashes, at most 64, such as restic"}
	}
	switch r.MachineClass {
	case "", exporters.Server, exporters.NAS, exporters.Workstation, exporters.Other:
	default:
		return &Problem{Status: 400, Where: "machine_class", What: "not a class of machine", Cure: "known are server, nas, workstation, other"}
	}
	if r.BackupRole != "" && exporters.CheckRole(r.BackupRole) != nil {
		return &Problem{Status: 400, Where: "backup_role", What: "not a role", Cure: "known are primary, local"}
	}
	for _, f := range []struct {
		key   string
		value exporters.Amount
	}{{"size_bytes", r.Size}, {"files", r.Files}} {
		if n, _ := f.value.Get(); n < 0 {
			return &Problem{Status: 400, Where: f.key, What: "less than zero", Cure: "leave it out if it is not known"}
		}
	}
	if d, err := model.ParseDuration(r.Interval); r.Interval != "" && (err != nil || d == 0) {
		return &Problem{Status: 400, Where: "expected_interval", What: "not a duration", Cure: "write for example 24h or 7d"}
	}
	return nil
}

func (r *Report) checkTimes() *Problem {
	for _, f := range []struct {
		key    string
		at     exporters.Instant
		needed bool
	}{{"ended_at", r.Ended, true}, {"started_at", r.Started, false}, {"next_run_at", r.NextRun, false}} {
		const cure = "write RFC 3339 with Z or an offset, such as 2026-03-09T22:00:00+01:00, or seconds since 1970"
		switch {
		case f.at.Bad:
			return &Problem{Status: 400, Where: f.key, What: "not an instant", Cure: cure}
		case f.at.Zoneless:
			return &Problem{Status: 400, Where: f.key, What: "an instant without a zone", Cure: cure}
		case f.at.IsZero() && f.needed:
			return &Problem{Status: 400, Where: f.key, What: "missing", Cure: cure}
		case !f.at.IsZero() && (f.at.Year() < 2000 || f.at.Year() > 2200):
			return &Problem{Status: 400, Where: f.key, What: "not a year for a backup", Cure: "set the machine's clock"}
		}
	}
	if !r.Started.IsZero() && r.Started.After(r.Ended.Time) {
		return &Problem{Status: 400, Where: "started_at", What: "later than ended_at", Cure: "exchange them, or leave started_at out"}
	}
	return nil
}

// running is the word of a run that found another one at work.
const running = "running"

// results are the words of the field result that tell how a run ended.
func results() map[string]exporters.Result {
	out := map[string]exporters.Result{}
	for r := exporters.Unknown; r <= exporters.Missed; r++ {
		out[r.String()] = r
	}
	return out
}

func (r *Report) interval() time.Duration {
	d, err := model.ParseDuration(r.Interval)
	if err != nil {
		return 0 // empty: checked before
	}
	return time.Duration(d)
}

// fingerprint tells a repeated report from another one with the same id.
func (r Report) fingerprint() (string, error) {
	r.Customer = ""
	if r.Size.IsNone() {
		r.Size = exporters.Amount{} // a result that was stored before 0 was told apart is still the same
	}
	b, err := json.Marshal(r)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:12]), nil
}
