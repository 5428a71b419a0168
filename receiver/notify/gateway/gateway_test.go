package gateway

import (
	"encoding/json"
	"net/url"
	"strings"
	"testing"
	"unicode/utf8"

	"vigie/internal/strict"
)

type message struct{ Recipient, Subject, Text string }

// hostile is a message whose texts would be markup, quotes and mentions elsewhere.
var hostile = message{Recipient: "ops", Subject: `SRV-AD: "<!channel>" [x](http://evil.example) {{.ID}}`,
	Text: "first line\nC:\\temp\\*.bak </script> `id` <http://evil.example|here> @all\n"}

// The forms stand as their makers publish them; what a message says stays text.
func TestKnownForms(t *testing.T) {
	// The bytes that each takes: of ntfy those of a request, twice the 4,096 of a message.
	most := map[string]int{"teams": 28 << 10, "slack": 40_000, "mattermost": 16_383, "ntfy": 2 * 4096}
	for _, name := range Formats() {
		form, err := Known(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, letters := range []string{"é", "<", "&", "@", "_", `"`, "\n", "\u2028", "🔥", "<a href=\"x\">\n"} {
			m := hostile
			m.Text += strings.Repeat(letters, 70_000/len(letters))
			body, contentType, err := form.Write(m)
			if err != nil || !json.Valid(body) || contentType != "application/json; charset=utf-8" {
				t.Errorf("%s: %v, %s", name, err, contentType)
			}
			if most[name] == 0 || len(body) > most[name] || !utf8.Valid(body) {
				t.Errorf("%s, %q: %d bytes of at most %d", name, letters, len(body), most[name])
			}
		}
		body, _, err := form.Write(hostile)
		if err != nil {
			t.Fatal(err)
		}
		if (name == "teams" || name == "mattermost") && strings.Contains(string(body), "[x](http") || name == "slack" && strings.Contains(string(body), "<http") {
			t.Errorf("%s: the text is a link there: %.300s", name, body)
		}
	}
	for name, want := range map[string][]string{
		"teams":      {`"type":"message"`, `"contentType":"application/vnd.microsoft.card.adaptive"`, `"type":"AdaptiveCard"`, `"contentUrl":null`, `first line\n\nC:`},
		"slack":      {`"unfurl_links":false`, `&lt;!channel&gt;`},
		"mattermost": {`\\[x\\](http`, "@\u200ball"},
		"ntfy":       {`"topic":"ops"`, `"priority":4`},
	} {
		form, _ := Known(name)
		body, _, _ := form.Write(hostile)
		for _, w := range want {
			if !strings.Contains(string(body), w) {
				t.Errorf("%s lacks %s: %.600s", name, w, body)
			}
		}
	}
	if _, err := Known("teems"); err == nil || !strings.Contains(err.Error(), "teams") {
		t.Errorf("a misspelt form: %v", err)
	}
}

func TestOwnForms(t *testing.T) {
	type settings struct {
		JSON JSON `yaml:"json"`
		Web  Web  `yaml:"form"`
	}
	decode := func(text string) (s settings, err error) {
		err = strict.Decode("vigie.yml", []byte(text), &s)
		return s, err
	}
	s, err := decode("json: {to: [\"{{.Recipient}}\"], text: \"{{cut 10 .Subject}}\", deep: {n: 4, on: true, none: null, day: 2026-03-09}}\nform: {To: \"{{.Recipient}}\", Body: '{{.Subject}}', Flash: 1}\n")
	if err != nil {
		t.Fatal(err)
	}
	body, _, err := s.JSON.Write(hostile)
	if want := `{"deep":{"day":"2026-03-09","n":4,"none":null,"on":true},"text":"SRV-AD: \"…","to":["ops"]}`; err != nil || string(body) != want {
		t.Errorf("%s, %v", body, err)
	}
	body, contentType, err := s.Web.Write(hostile)
	values, bad := url.ParseQuery(string(body))
	if err != nil || bad != nil || values.Get("Body") != hostile.Subject || values.Get("Flash") != "1" || len(values) != 3 || contentType != "application/x-www-form-urlencoded" {
		t.Errorf("%s, %v, %s", body, err, contentType)
	}
	for text, want := range map[string]string{
		"json: {a: '{{.Subject'}":            "line 1",
		"json: text":                         "names and values",
		"json:\n  a: 1\n  a: 2":              "twice",
		"form: {a: [1]}":                     "one text a field",
		"json: {a: \"{{call .Text}}\"}":      "",
		"json: {a: \"{{nonsense .Text}}\"}":  "nonsense",
		"json: {a: &x {b: c}, d: *x, e: !!}": "",
	} {
		s, err := decode(text)
		if err == nil && s.JSON.Form != nil {
			_, _, err = s.JSON.Write(hostile)
		}
		if want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
	s, err = decode("json: {a: \"{{.Nonsense}}\"}")
	if err == nil {
		_, _, err = s.JSON.Write(hostile)
	}
	if err == nil || !strings.Contains(err.Error(), "Nonsense") {
		t.Errorf("a field that no message has: %v", err)
	}
	if s, err = decode("json: {a: \"{{range 1000000}}{{$.Text}}{{end}}\"}"); err == nil {
		_, _, err = s.JSON.Write(hostile)
	}
	if err == nil || !strings.Contains(err.Error(), "more than") {
		t.Errorf("a text without end: %v", err)
	}
}

// A link of a message has a line to itself, and half of all links hold a _.
func TestLinksOfMarkdownLeadSomewhere(t *testing.T) {
	const link = "https://vigie.msp.example/a/ab_c-d._e"
	got, err := says("{{markdown .}}", "-> I take it:\n   "+link+"\n\nError: see https://evil.example/a_b [x](y)\n")
	if want := "-> I take it:\n   [https://vigie.msp.example/a/ab\\_c-d.\\_e](" + link + ")\n\nError: see https://evil.example/a\\_b \\[x\\](y)\n"; err != nil || got != want {
		t.Errorf("%q, %v; want %q", got, err, want)
	}
}

// A sentence that a mail breaks at its width is one paragraph; links, points and facts
// stay apart.
func TestParagraphs(t *testing.T) {
	got, err := says("{{paragraphs .}}", "TODAY\n\nThe backup of server SRV-AD still does not work. Decide what happens next,\nor tell the customer, today by 24:00.\n\n"+
		"  1. Say what is to be done: a visit on site, help from a colleague, or a\n     later date agreed with the customer.\n  2. Tell them.\n\n-> Answer:\n   https://vigie.msp.example/a/"+strings.Repeat("x", 90)+"\n"+
		"Error           : The volume shadow copy service did not answer within ten\n                  minutes.\nRunbook         : none\n")
	want := "TODAY\n\nThe backup of server SRV-AD still does not work. Decide what happens next, or tell the customer, today by 24:00.\n\n" +
		"  1. Say what is to be done: a visit on site, help from a colleague, or a later date agreed with the customer.\n\n  2. Tell them.\n\n-> Answer:\n\n   https://vigie.msp.example/a/" + strings.Repeat("x", 90) + "\n\n" +
		"Error           : The volume shadow copy service did not answer within ten minutes.\n\nRunbook         : none"
	if err != nil || got != want {
		t.Errorf("%v\n%s\nwant\n%s", err, got, want)
	}
}

// What is left out begins with a whole line, so that no link is cut in two.
func TestFit(t *testing.T) {
	const link = "https://vigie.msp.example/a/abcdef"
	for most, want := range map[int]string{
		200: "take:\n" + link + "\nend \"x\"\n", 54: "take:\n" + link + "\nend \"x\"\n",
		53: "take:\n" + link + "\n…", 46: "take:\n" + link + "\n…", 45: "take:\n…", 6: "tak…", 2: "…",
	} {
		if got := fit(most, "take:\n"+link+"\nend \"x\"\n"); got != want {
			t.Errorf("%d: %q, want %q", most, got, want)
		}
	}
}
