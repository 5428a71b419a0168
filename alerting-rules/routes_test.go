package alertingrules

import (
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"vigie/rules/model"
)

// amRoute is a route of Alertmanager, as far as it decides who hears.
type amRoute struct {
	Receiver string    `yaml:"receiver"`
	Matchers []string  `yaml:"matchers"`
	Continue bool      `yaml:"continue"`
	Routes   []amRoute `yaml:"routes"`
}

// receivers are those that an alert reaches: the first child that matches, and
// further ones after each that says continue.
func (r amRoute) receivers(t *testing.T, l model.Labels) []string {
	t.Helper()
	var out []string
	for _, child := range r.Routes {
		ms, err := model.ParseMatchers(child.Matchers)
		if err != nil {
			t.Fatalf("%v: %v", child.Matchers, err)
		}
		if !ms.Match(l) {
			continue
		}
		child.Receiver = strings.TrimSpace(child.Receiver)
		if child.Receiver == "" {
			child.Receiver = r.Receiver
		}
		out = append(out, child.receivers(t, l)...)
		if !child.Continue {
			break
		}
	}
	if len(out) == 0 {
		out = []string{r.Receiver}
	}
	return out
}

type amConfig struct {
	Route   amRoute `yaml:"route"`
	Inhibit []struct {
		Source []string `yaml:"source_matchers"`
		Target []string `yaml:"target_matchers"`
	} `yaml:"inhibit_rules"`
	Receivers []struct {
		Name string `yaml:"name"`
	} `yaml:"receivers"`
}

// routesBeside are those that one takes over into an Alertmanager that one has already,
// as the documentation says.
func routesBeside(t *testing.T) amRoute {
	t.Helper()
	page, err := os.ReadFile("../docs/howto/alertmanager.md")
	if err != nil {
		t.Fatal(err)
	}
	_, text, found := strings.Cut(string(page), "```yaml\n")
	text, _, ends := strings.Cut(text, "```")
	var r amRoute
	if err := yaml.Unmarshal([]byte(text), &r); err != nil || !found || !ends || len(r.Routes) == 0 {
		t.Fatalf("the page has no routes: %v", err)
	}
	r.Receiver = "yours"
	return r
}

func alertmanagerConfig(t *testing.T) amConfig {
	t.Helper()
	text, err := os.ReadFile("../deploy/alertmanager/alertmanager.yml")
	if err != nil {
		t.Fatal(err)
	}
	var c amConfig
	if err := yaml.Unmarshal(text, &c); err != nil {
		t.Fatal(err)
	}
	return c
}

// labelsOf are the labels with which an alert fires, or at least those that its rule sets.
func labelsOf(r rule, seen map[string][]model.Labels) []model.Labels {
	if cases := seen[r.Alert]; len(cases) > 0 {
		return cases
	}
	l := model.Labels{"alertname": r.Alert}
	maps.Copy(l, r.Labels)
	if r.platform() {
		l["platform"] = "lms-A"
	}
	return []model.Labels{l}
}

// Every shipped alert reaches Vigie, what Vigie cannot always tell of itself
// people as well, and the heartbeat its own receiver alone. The receivers of
// Vigie are those that the shipped configurations ask Alertmanager for.
func TestEveryAlertLeadsToVigie(t *testing.T) {
	files, seen := []amRoute{alertmanagerConfig(t).Route, routesBeside(t)}, fired(t)
	asked := askedReceivers(t)
	for _, r := range rules(t) {
		if r.Alert == "" {
			continue
		}
		want := []string{"vigie"}
		switch {
		case r.Alert == "Watchdog":
			want = []string{"vigie-watchdog"}
		case r.Labels["kind"] == "vigie":
			want = []string{"people", "vigie"}
		}
		for _, l := range labelsOf(r, seen) {
			for _, file := range files {
				got := file.receivers(t, l)
				if !slices.Equal(got, want) {
					t.Errorf("%v with %v leads to %v, want %v", r, l, got, want)
				}
				for _, filter := range asked {
					if !slices.ContainsFunc(got, filter.MatchString) {
						t.Errorf("%v leads to %v, which %v leaves out", r, got, filter)
					}
				}
			}
		}
	}
}

// askedReceivers are the filters with which the shipped configurations ask.
func askedReceivers(t *testing.T) []*regexp.Regexp {
	t.Helper()
	files, err := filepath.Glob("../deploy/examples/*/vigie.yml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no configuration: %v", err)
	}
	var out []*regexp.Regexp
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		var c struct {
			Alertmanagers []struct {
				Receiver string `yaml:"receiver"`
			} `yaml:"alertmanagers"`
		}
		if err := yaml.Unmarshal(text, &c); err != nil {
			t.Fatal(err)
		}
		for _, a := range c.Alertmanagers {
			out = append(out, regexp.MustCompile(a.Receiver))
		}
	}
	if len(out) < len(files) {
		t.Fatalf("%d filters in %d configurations", len(out), len(files))
	}
	return out
}

// Routes and inhibitions name alerts and kinds that a rule fires, and lead to
// receivers that there are; each inhibition holds something back.
func TestRoutesNameWhatIsFired(t *testing.T) {
	am, seen := alertmanagerConfig(t), fired(t)
	names, kinds := map[string]bool{}, map[string]bool{}
	var all []model.Labels
	for _, r := range rules(t) {
		if r.Alert != "" {
			names[r.Alert], kinds[r.Labels["kind"]] = true, true
			all = append(all, labelsOf(r, seen)...)
		}
	}
	valued := regexp.MustCompile(`^\s*(alertname|kind)=~?"([^"]+)"`)
	named := 0
	check := func(matchers []string) {
		for _, m := range matchers {
			found := valued.FindStringSubmatch(m)
			if found == nil {
				continue
			}
			for value := range strings.SplitSeq(found[2], "|") {
				named++
				if known := map[string]map[string]bool{"alertname": names, "kind": kinds}[found[1]]; !known[value] {
					t.Errorf("%s names %s, which no rule fires", m, value)
				}
			}
		}
	}
	var walk func(r amRoute)
	walk = func(r amRoute) {
		check(r.Matchers)
		if !slices.ContainsFunc(am.Receivers, func(x struct {
			Name string `yaml:"name"`
		}) bool {
			return x.Name == r.Receiver
		}) {
			t.Errorf("a route leads to %q, which is no receiver", r.Receiver)
		}
		for _, child := range r.Routes {
			walk(child)
		}
	}
	walk(am.Route)
	for _, i := range am.Inhibit {
		check(i.Source)
		check(i.Target)
		for _, side := range [][]string{i.Source, i.Target} {
			ms, err := model.ParseMatchers(side)
			if err != nil {
				t.Fatal(err)
			}
			if !slices.ContainsFunc(all, ms.Match) {
				t.Errorf("no shipped alert is matched by %v", side)
			}
		}
	}
	if named < 6 {
		t.Errorf("only %d names are found: the test reads the routes wrongly", named)
	}
}

// unfired are kinds that policies match and no rule sets, with the reason.
var unfired = map[string]string{
	"blind": "Vigie raises it itself when nothing is heard of Prometheus",
}

// A policy matches no kind that nothing fires.
func TestEveryNamedKindIsFired(t *testing.T) {
	kinds := map[string]bool{}
	for _, r := range rules(t) {
		kinds[r.Labels["kind"]] = true
	}
	files, err := filepath.Glob("../deploy/examples/*/policy/*.yml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no policies: %v", err)
	}
	matcher := regexp.MustCompile(`'kind[=!]~?"([^"]+)"'`)
	named := map[string]bool{}
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range matcher.FindAllStringSubmatch(string(text), -1) {
			for kind := range strings.SplitSeq(m[1], "|") {
				named[kind] = true
				if !kinds[kind] && unfired[kind] == "" {
					t.Errorf("%s matches the kind %s, which no rule sets", f, kind)
				}
			}
		}
	}
	if len(named) < 8 {
		t.Errorf("the policies match only %v: the test reads them wrongly", named)
	}
	for kind := range unfired {
		if kinds[kind] || !named[kind] {
			t.Errorf("the kind %s stands among those that nothing fires, and is fired, or matched by no policy", kind)
		}
	}
}
