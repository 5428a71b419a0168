package message

import (
	"fmt"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"vigie/deploy/exampletest"
	"vigie/rules/incident"
	"vigie/rules/model"
	"vigie/rules/policy"
)

// covers: S2.16, S2.17, S2.23; every mail of the shipped policies, for every kind of
// reader that its step has: which of the words that people and products wrote it shows.
// The table is read as a whole in testdata/readers.txt.
func TestWhoReadsWhat(t *testing.T) {
	r, err := NewRenderer(Options{})
	if err != nil {
		t.Fatal(err)
	}
	var rows []string
	for template, readers := range mailsAndReaders(t) {
		for _, reader := range readers {
			shown := map[string][]string{}
			for _, lang := range []string{"fr", "en"} {
				shown[lang] = markedWordsIn(t, r, template, reader, lang)
			}
			if !slices.Equal(shown["fr"], shown["en"]) {
				t.Errorf("%s to %q shows in French %q and in English %q", template, reader, shown["fr"], shown["en"])
			}
			rows = append(rows, fmt.Sprintf("%s, %s: %s", template, map[incident.Reader]string{"": "team"}[reader]+string(reader), strings.Join(shown["en"], " ")))
			for _, word := range shown["en"] {
				if reader != incident.Team && ours.MatchString(word) {
					t.Errorf("%s to %q shows %s", template, reader, word)
				}
				if reader == incident.ByStranger && !slices.Contains([]string{"Report", "Platform"}, word) {
					t.Errorf("%s to a stranger shows %s", template, word)
				}
			}
		}
	}
	slices.Sort(rows)
	compareGolden(t, "testdata/readers.txt", strings.Join(rows, "\n")+"\n")
}

// ours is what stays inside: notes, reasons, errors, who has what and whom we wait for.
var ours = regexp.MustCompile(`^(Reason|Error|Summary|Labels|Refused|Affected|RunbookURL|GeneratorURL|AssignedBy|LeftBy|Exporter|SilenceBy|PolicyStep|Plans\.Error|` +
	`History\.(note|take|cascade|forecast|attempt|answer|reopen)|Call\.note)$`)

// mailsAndReaders are the templates of the shipped policies with who may get each.
func mailsAndReaders(t *testing.T) map[string][]incident.Reader {
	out := map[string][]incident.Reader{}
	add := func(template string, reader incident.Reader) {
		if !slices.Contains(out[template], reader) {
			out[template] = append(out[template], reader)
		}
	}
	for _, example := range []string{"activeprolearn", "synomega"} {
		for _, p := range exampletest.Book(t, example).Policies() {
			for _, s := range p.Scenarios {
				for _, st := range s.Steps {
					for _, name := range slices.Concat(st.To, st.Cc) {
						role := p.Roles[name]
						switch {
						case !role.Outside && slices.Contains(st.To, name):
							add(st.Template, incident.Team)
						case role.Outside:
							add(st.Template, incident.ByCustomer)
						}
						if told := func(tr policy.Trigger) bool { return tr.Kind == policy.WhenMoment }; strings.Contains(role.Field, "reporter") && slices.ContainsFunc(st.When, told) {
							add(st.Template, incident.ByStranger)
						}
					}
				}
			}
		}
	}
	return out
}

// markedWordsIn renders a mail of which every text bears its field's name, and returns
// those that are shown.
func markedWordsIn(t *testing.T, r *Renderer, template string, reader incident.Reader, lang string) []string {
	shown := map[string]bool{}
	states := []model.State{model.Open, model.Resolved, model.Closed}
	for number := range 2 * len(states) {
		n := incident.Notification{ID: "i1/x/1", IncidentID: "i1", Template: template, Language: lang, DecidedAt: at("2025-03-10 14:00")}
		n.To = []incident.Party{{Address: "x@y.example", Language: lang, Outside: reader != incident.Team, Stranger: reader == incident.ByStranger}}
		f := &n.Data
		v := reflect.ValueOf(f).Elem()
		for i := range v.NumField() {
			if name := v.Type().Field(i).Name; v.Field(i).Kind() == reflect.String {
				v.Field(i).SetString("zq" + name)
			}
		}
		f.Number, f.State, f.Zone, f.Level, f.Grades = 7, states[number/2], "Europe/Paris", 3, true
		f.Labels, f.Refused, f.Affected, f.Parts = []string{"zqLabels"}, []string{"zqRefused"}, []string{"zqAffected"}, []string{"zqParts"}
		f.Entry, f.Again = string(model.Level2Voluntary), ""
		if number%2 == 0 {
			f.Machine = ""
		}
		f.ExpectedDate, f.RunbookURL, f.GeneratorURL = "2025-03-12", "https://zqRunbookURL", "https://zqGeneratorURL"
		f.StartedAt, f.ReceivedAt, f.OpenedAt, f.ResolvedAt = n.DecidedAt.Add(-time.Hour), n.DecidedAt.Add(-time.Hour), n.DecidedAt.Add(-time.Hour), n.DecidedAt
		f.Plans = []incident.PlanRow{{Plan: "zqPlans", Error: "zqPlans.Error"}}
		f.Call, f.Answer = map[string]string{"note": "zqCall.note", "agreed": "zqCall.agreed"}, map[string]string{"note": "zqAnswer.note"}
		for _, verb := range []string{"note", "take", "cascade", "forecast", "attempt", "answer", "reopen", "qualify", "resolve"} {
			f.History = append(f.History, incident.HistoryLine{At: n.DecidedAt, What: verb, Who: "zqHistory.Who", Text: "zqHistory." + verb, Open: verb == "qualify" || verb == "resolve"})
		}
		out, err := r.Render([]incident.Notification{n})
		if err != nil {
			t.Fatal(err)
		}
		for _, word := range regexp.MustCompile(`zq[A-Za-z]+(?:\.[A-Za-z]+)?`).FindAllString(out.Text, -1) {
			shown[strings.TrimSuffix(strings.TrimPrefix(word, "zq"), ".")] = true
		}
	}
	return slices.Sorted(maps.Keys(shown))
}
