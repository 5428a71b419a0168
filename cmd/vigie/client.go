package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/alecthomas/kingpin/v2"

	"vigie/internal/remote"
	"vigie/receiver"
	"vigie/receiver/web"
	"vigie/rules/act"
	"vigie/rules/explain"
	"vigie/rules/incident"
	"vigie/rules/model"
)

// client asks a running receiver over its API.
type client struct {
	told                   *commands
	url, tokenFile, caFile *string
	timezone               *string
}

func (c *commands) clientFlags(cmd *kingpin.CmdClause) client {
	return client{
		told:      c,
		url:       cmd.Flag("url", "Address of the receiver.").Envar("VIGIE_URL").Default("http://127.0.0.1:9095").String(),
		tokenFile: cmd.Flag("token-file", "File with your bearer token.").Envar("VIGIE_TOKEN_FILE").Required().String(),
		caFile:    cmd.Flag("ca-file", "Authority to trust instead of the system's, PEM.").Envar("VIGIE_CA_FILE").String(),
		timezone: cmd.Flag("timezone", "Zone in which instants are shown; that of TZ without it, or else the one in which the policy counts.").
			Envar("VIGIE_TIMEZONE").Default(os.Getenv("TZ")).String(),
	}
}

// tokenMade says where a token comes from.
const tokenMade = "on the receiver's machine `vigie token new PERSON` prints one, to keep in a file of your own"

const (
	clientWithin = 30 * time.Second
	maxAnswer    = 64 << 20
)

// do makes one request and reads the answer into v.
func (c client) do(ctx context.Context, method, path string, send, v any) error {
	answer, err := c.ask(ctx, method, path, send)
	if err != nil {
		return err
	}
	return json.Unmarshal(answer, v)
}

// ask makes one request and returns the answer as it came.
func (c client) ask(ctx context.Context, method, path string, send any) ([]byte, error) {
	token, err := os.ReadFile(*c.tokenFile)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("--token-file: %w: %s", err, tokenMade)
	case errors.Is(err, fs.ErrPermission):
		return nil, fmt.Errorf("--token-file: %w: each person has a token, in a file of his own; %s", err, tokenMade)
	case err != nil:
		return nil, fmt.Errorf("--token-file: %w", err)
	}
	var body io.Reader
	if send != nil {
		b, err := json.Marshal(send)
		if err != nil {
			return nil, err
		}
		body = bytes.NewReader(b)
	}
	ctx, cancel := context.WithTimeout(ctx, clientWithin)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, strings.TrimSuffix(*c.url, "/")+path, body)
	if err != nil {
		return nil, fmt.Errorf("--url: %w", err)
	}
	req.Header.Set("Authorization", "Bearer "+strings.TrimSpace(string(token)))
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept-Language", spoken())
	hc, err := c.http()
	if err != nil {
		return nil, err
	}
	resp, err := hc.Do(req)
	if err != nil {
		return nil, fmt.Errorf("is vigie running there? %w", err)
	}
	defer resp.Body.Close()
	if err := c.told.inZone(*c.timezone, resp.Header.Get(web.ZoneHeader)); err != nil {
		return nil, err
	}
	answer, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return nil, err
	}
	switch resp.StatusCode {
	case http.StatusOK:
		return answer, nil
	case http.StatusUnauthorized:
		return nil, fmt.Errorf("%d: the token in %s is not known there, has expired, or belongs to somebody who left; on the receiver's machine `vigie token new PERSON` makes another", resp.StatusCode, *c.tokenFile)
	default:
		return nil, refusal(resp, answer)
	}
}

// spoken is the language of the terminal, as HTTP writes it: fr_FR.UTF-8 is fr-FR.
func spoken() string {
	tag, _, _ := strings.Cut(cmp.Or(os.Getenv("LC_ALL"), os.Getenv("LC_MESSAGES"), os.Getenv("LANG")), ".")
	return strings.ReplaceAll(tag, "_", "-")
}

func (c client) http() (*http.Client, error) {
	if *c.caFile == "" {
		return &http.Client{}, nil
	}
	conf, err := remote.TLS{CAFile: *c.caFile}.Build()
	if err != nil {
		return nil, fmt.Errorf("--ca-file: %w", err)
	}
	return &http.Client{Transport: &http.Transport{TLSClientConfig: conf}}, nil
}

// refused is why the receiver did not do something, and which field is at fault.
type refused struct {
	Status int    `json:"status"`
	Why    string `json:"error"`
	Field  string `json:"field"`
}

func (r refused) Error() string { return fmt.Sprintf("%d: %s", r.Status, r.Why) }

func refusal(resp *http.Response, answer []byte) error {
	p := refused{Status: resp.StatusCode}
	if json.Unmarshal(answer, &p) == nil && p.Why != "" {
		return p
	}
	return fmt.Errorf("%s from %s: is that vigie's address?", resp.Status, resp.Request.URL.Host)
}

// whichIncident is the help of every argument that names one.
const whichIncident = "Number (12, #12), machine or platform, or label=value,label=value: whatever exactly one open incident has."

// number is how an incident is called in subjects (#12), lists and addresses.
var number = regexp.MustCompile(`^(#?\d+|i\d+)$`)

// pick finds the incident that is meant: an id, a number, the key that a list
// shows, labels such as customer=dupont,machine=SRV-AD, or the name of a
// machine or platform, if exactly one open incident has them.
func (c client) pick(ctx context.Context, name string) (string, error) {
	if parts := strings.Split(name, ","); strings.TrimSpace(name) == "" || len(parts) > 1 && number.MatchString(parts[0]) {
		return "", fmt.Errorf("incident %q: name one: a number (12), a machine or platform, or label=value,label=value", name)
	}
	if number.MatchString(name) {
		return url.PathEscape(strings.TrimPrefix(name, "#")), nil
	}
	questions := []url.Values{{"key": {name}}}
	if strings.Contains(name, "=") {
		labels := url.Values{}
		for pair := range strings.SplitSeq(name, ",") {
			k, v, ok := strings.Cut(strings.TrimSpace(pair), "=")
			if !ok {
				return "", fmt.Errorf("incident %q: write an id, a number, a machine's name, or label=value,label=value", name)
			}
			labels.Set(k, v)
		}
		questions = append(questions, labels)
	} else {
		questions = append(questions, url.Values{"machine": {name}}, url.Values{"platform": {name}})
	}
	for _, q := range questions {
		var found []receiver.Summary
		err := c.do(ctx, http.MethodGet, "/api/v1/incidents?"+q.Encode(), nil, &found)
		if r, is := errors.AsType[refused](err); err != nil && !(is && r.Field == "platform" && q.Get("platform") == name) { // it was only tried as one
			return "", err
		}
		switch len(found) {
		case 0:
		case 1:
			return found[0].ID, nil
		default:
			return "", fmt.Errorf("%d open incidents have %s: name one by its number: %s", len(found), name, numbers(found))
		}
	}
	return "", fmt.Errorf("no open incident has %s; one that has ended is named by its number", name)
}

// numbers lists incidents for a person to choose from.
func numbers(found []receiver.Summary) string {
	const most = 10
	var out []string
	for i, s := range found {
		if i == most {
			out = append(out, "...")
			break
		}
		out = append(out, fmt.Sprintf("%s (%s, %s)", s.ID, s.Scenario, s.Key))
	}
	return strings.Join(out, "; ")
}

func (c *commands) incidents(app *kingpin.Application) verb {
	cmd := app.Command("incidents", "List incidents, or show one.\n\nExamples:\n  vigie incidents --customer=dupont\n  vigie incidents 12 --output=json")
	cl, output := c.clientFlags(cmd), outputFlag(cmd)
	q := map[string]*string{}
	for _, k := range []string{"state", "customer", "machine", "platform", "scenario"} {
		q[k] = cmd.Flag(k, "Only those with this "+k+".").String()
	}
	ended := cmd.Flag("ended", "Those that are resolved or closed as well.").Bool()
	names := cmd.Arg("incident", whichIncident).Strings()
	return verb{cmd, func(ctx context.Context) error {
		if len(*names) > 0 {
			return c.incident(ctx, cl, strings.Join(*names, ","), *output)
		}
		values := url.Values{}
		for k, v := range q {
			if *v != "" {
				values.Set(k, *v)
			}
		}
		if *ended {
			values.Set("ended", "true")
		}
		var list []receiver.Summary
		if err := cl.do(ctx, http.MethodGet, "/api/v1/incidents?"+values.Encode(), nil, &list); err != nil {
			return err
		}
		if *output == "json" {
			return c.json(list)
		}
		return c.table(list)
	}}
}

func (c *commands) table(list []receiver.Summary) error {
	t := c.columns("ID", "STATE", "SCENARIO", "INCIDENT", "ASSIGNEE", "OPENED", "DEADLINE")
	for _, i := range list {
		state := string(i.State)
		if _, partly := i.SilencedUntil(); partly {
			state += ", silenced in part"
		} else if i.Flags[model.FlagSilenced] {
			state += ", silenced"
		}
		t.row(i.ID, state, i.Scenario, keyWord(i.Incident), orDash(i.Assignee), c.minute(i.OpenedAt), c.minute(i.Deadline))
	}
	return t.flush()
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

func (c *commands) explain(app *kingpin.Application) verb {
	cmd := app.Command("explain", "Tell why each step of an incident was or was not taken, and what comes next.\n\nExample:\n  vigie explain 12")
	cl, output := c.clientFlags(cmd), outputFlag(cmd)
	names := cmd.Arg("incident", whichIncident).Required().Strings()
	return verb{cmd, func(ctx context.Context) error {
		id, err := cl.pick(ctx, strings.Join(*names, ","))
		if err != nil {
			return err
		}
		var x receiver.Explained
		if err := cl.do(ctx, http.MethodGet, "/api/v1/incidents/"+id+"/explain?language=en", nil, &x); err != nil { // as the rest of the command line
			return err
		}
		if *output == "json" {
			return c.json(x)
		}
		return c.explanation(x)
	}}
}

func (c *commands) explanation(x receiver.Explained) error {
	fmt.Fprintf(c.out, "%s  %s\nscenario %s, policy %s, episode %d\n%s\n\n", x.Incident, x.Key, x.Scenario, x.Policy, x.Episode, cmp.Or(x.Said, x.Summary))
	t := c.columns("KIND", "NAME", "STATUS", "WHEN", "WHY", "TO", "CC")
	for _, l := range append(append([]explain.Explained{}, x.Targets...), x.Steps...) {
		when := l.At
		if when.IsZero() {
			when = l.Due
		}
		t.row(l.Kind, l.Name, l.Status, c.second(when), cmp.Or(l.Said, l.Reason), orDash(strings.Join(l.To, " ")), orDash(strings.Join(l.Cc, " ")))
	}
	if err := t.flush(); err != nil {
		return err
	}
	if len(x.Wakes) > 0 {
		fmt.Fprintln(c.out, "\nLooked at again:")
		t = c.columns("WHEN", "WHY")
		for _, a := range x.Wakes {
			t.row(c.second(a.At), cmp.Or(a.Said, a.Moment))
		}
		if err := t.flush(); err != nil {
			return err
		}
	}
	if len(x.Messages) == 0 {
		return nil
	}
	fmt.Fprintln(c.out, "\nMessages:")
	return c.post(x.Messages)
}

// acts are a command for each act of the table.
func (c *commands) acts(app *kingpin.Application) []verb {
	cmd := app.Command("act", "Do something to an incident, in your own name."+
		"\n\nExamples:\n  vigie act take 12\n  vigie act escalate customer=dupont,machine=SRV-AD,backup_role=primary reason=\"the disk is broken\"\n  vigie act forecast 12 today=no reason=\"part ordered\" expected_date=2026-03-12\n  vigie act report via=phone platform=lms-A by=exploit text=\"nobody can log in\""+
		"\n\nvigie act VERB --help lists the fields of a verb.")
	d := doer{c: c, client: c.clientFlags(cmd), output: outputFlag(cmd), force: cmd.Flag("force", "Take over from somebody else.").Bool()}
	out := []verb{c.report(cmd, d.client, d.output)}
	for _, row := range act.Table() {
		sub := cmd.Command(row.Verb, row.Help())
		name := sub.Arg("incident", whichIncident).Required().String()
		fields := sub.Arg("fields", "field=value ...").Strings()
		out = append(out, verb{sub, func(ctx context.Context) error { return d.do(ctx, row, append([]string{*name}, *fields...)) }})
	}
	return out
}

// doer sends acts.
type doer struct {
	c      *commands
	client client
	output *string
	force  *bool
}

// given reads an act's fields as they are written on the command line.
func given(row act.Act, pairs []string) (map[string]string, error) {
	fields := map[string]string{}
	for _, pair := range pairs {
		k, v, err := cutPair(pair, `reason="disk broken"`)
		if err != nil {
			return nil, err
		}
		if f, has := row.Field(k); !has || f.Internal {
			return nil, fmt.Errorf("%s", row.Unknown(k))
		}
		fields[k] = v
	}
	return fields, nil
}

// cutPair reads one field=value; the error shows an example.
func cutPair(pair, example string) (field, value string, err error) {
	field, value, ok := strings.Cut(pair, "=")
	if !ok {
		err = fmt.Errorf("%q: write field=value, such as %s", pair, example)
	}
	return field, value, err
}

// do does an act to an incident that the first words name: one, or the labels of
// a key, which a shell takes apart where its braces stand without quotes.
func (d doer) do(ctx context.Context, row act.Act, words []string) error {
	n := 1
	for n < len(words) && isLabel(words[n-1], row) && isLabel(words[n], row) {
		n++
	}
	name, pairs := strings.Join(words[:n], ","), words[n:]
	fields, err := given(row, pairs)
	if err != nil {
		return err
	}
	id, err := d.client.pick(ctx, name)
	if err != nil {
		return err
	}
	send := map[string]any{"verb": row.Verb, "fields": fields, "force": *d.force}
	var raw json.RawMessage
	if err := d.client.do(ctx, http.MethodPost, "/api/v1/incidents/"+id+"/acts", send, &raw); err != nil {
		return err
	}
	if *d.output == "json" {
		_, err := fmt.Fprintf(d.c.out, "%s\n", raw)
		return err
	}
	var answer struct {
		Incident      string                  `json:"incident"`
		State         model.State             `json:"state"`
		Notifications []incident.Notification `json:"notifications"`
	}
	if err := json.Unmarshal(raw, &answer); err != nil {
		return err
	}
	fmt.Fprintf(d.c.out, "%s is %s\n", answer.Incident, answer.State)
	for _, n := range answer.Notifications {
		fmt.Fprintf(d.c.out, "will be told by %s (%s): %s\n", n.Step, n.Template, people(n))
	}
	return nil
}

// isLabel reports whether a word is a label of an incident and no field of an act.
func isLabel(word string, row act.Act) bool {
	k, _, ok := strings.Cut(word, "=")
	_, field := row.Field(k)
	return ok && !field && slices.Contains(identityLabels(), k)
}

func people(n incident.Notification) string {
	var out []string
	for _, p := range n.To {
		out = append(out, p.Address)
	}
	for _, p := range n.Cc {
		out = append(out, "cc "+p.Address)
	}
	return strings.Join(out, ", ")
}
