package receiver_test

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"vigie/receiver"
	"vigie/rules/model"
	"vigie/rules/story"
)

// storyExamples are the shipped configurations whose stories are played twice.
var storyExamples = []string{"synomega", "activeprolearn"}

// shortStories are those that the race detector has to see as well.
var shortStories = []string{
	"five-nights", "double-failure", "mail-server-down", "refused-address-waived", "silenced-and-repaired",
	"alertmanager-out-of-reach", "planned-maintenance", "vendor-outage-over", "duty-changes-hands", "emergency-entry",
}

// askedEachMinute are stories in which the state of the other backup alone
// decides when something happens; see asksEachMinute.
var askedEachMinute = []string{"other-backup-breaks-quietly", "fails-in-the-doubled-hour"}

// TestStoriesTwice plays every story of the shipped examples through the real
// receiver (webhook and API over HTTP, SQLite, SMTP) under the story's clock,
// and compares messages, states, breaches, steps, targets, acts, silences and
// refusals, to the second, with what the rules by themselves come to.
func TestStoriesTwice(t *testing.T) {
	playTwice(t, func(name string) bool { return !testing.Short() || slices.Contains(shortStories, name) }, func() string { return "" })
}

// sampledStories are those that are played on PostgreSQL unless all of them are.
var sampledStories = []string{"five-nights", "double-failure", "silenced-and-repaired", "emergency-entry"}

// TestStoriesTwiceOnPostgres is [TestStoriesTwice] with a receiver that keeps everything in
// PostgreSQL: a sample, or with VIGIE_FAULTS=long every story.
func TestStoriesTwiceOnPostgres(t *testing.T) {
	s := postgresServer(t)
	t.Run("on PostgreSQL", func(t *testing.T) { // ends before the server does
		playTwice(t, func(name string) bool {
			return os.Getenv("VIGIE_FAULTS") == "long" || slices.Contains(sampledStories, name)
		}, func() string {
			address, err := s.New()
			if err != nil {
				t.Fatal(err)
			}
			return address
		})
	})
}

// playTwice plays the stories that are wanted, each with a receiver on a database of
// its own; a file where it has no address.
func playTwice(t *testing.T, wanted func(name string) bool, database func() string) {
	t.Helper()
	for _, example := range storyExamples {
		folder := filepath.Join("..", "deploy", "examples", example)
		paths, err := filepath.Glob(filepath.Join(folder, "stories", "*.yml"))
		if err != nil || len(paths) == 0 {
			t.Fatalf("%s: no stories: %v", example, err)
		}
		setup, err := receiver.Load(filepath.Join(folder, "vigie.yml"))
		if err != nil {
			t.Fatal(err)
		}
		words, err := setup.Config.Renderer() // once, for reading the templates takes long
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range paths {
			name := strings.TrimSuffix(filepath.Base(path), ".yml")
			if !wanted(name) {
				continue
			}
			address := database()
			t.Run(example+"/"+name, func(t *testing.T) {
				t.Parallel()
				played := setup
				if slices.Contains(askedEachMinute, name) {
					played = asksEachMinute(t, example)
				}
				twice(t, *played, words.Render, path, address)
			})
		}
	}
}

// asksEachMinute is an example whose policy asks for the other backup every
// minute. Stories notice within a minute what becomes of it; the shipped policy
// lets the receiver ask every 15 minutes only.
func asksEachMinute(t *testing.T, example string) *receiver.Setup {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(filepath.Join("..", "deploy", "examples", example))); err != nil {
		t.Fatal(err)
	}
	policies, err := filepath.Glob(filepath.Join(dir, "policy", "*.yml"))
	if err != nil {
		t.Fatal(err)
	}
	const often, quiet = "ask_every: 1m", "ask_every: 15m"
	replaced := 0
	for _, path := range policies {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		replaced += strings.Count(string(text), quiet)
		if err := os.WriteFile(path, []byte(strings.ReplaceAll(string(text), quiet, often)), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if replaced == 0 {
		t.Fatalf("%s: no policy says %q any more", example, quiet)
	}
	setup, err := receiver.Load(filepath.Join(dir, "vigie.yml"))
	if err != nil {
		t.Fatal(err)
	}
	return setup
}

func twice(t *testing.T, setup receiver.Setup, words receiver.Render, path, database string) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	tale, err := story.Parse(path, text)
	if err != nil {
		t.Fatal(err)
	}
	happened, err := story.Play(setup.Book, tale, story.Options{Journal: true})
	if err != nil {
		t.Fatal(err)
	}
	want := pureLines(happened)
	h := prepareTheatre(t, setup, words, tale)
	h.address = database
	h.open()
	got := h.play()
	slices.Sort(want)
	slices.Sort(got)
	if d := difference(want, got); d != "" {
		t.Errorf("the receiver and the rules differ (- only the rules, + only the receiver):\n%s", d)
	}
}

// The lines that are compared: one a happening, with everything that both tell.
func messageLine(at time.Time, incident, key string, episode int, step, template string, decided time.Time, to, cc, incidents []string) string {
	return fmt.Sprintf("%s message %s %s episode %d: %s (%s) decided %s to %v cc %v about %v",
		stamp(at), incident, key, episode, step, template, stamp(decided), to, cc, incidents)
}

func journalLine(at time.Time, incident, kind, what, actor, reason string) string {
	return fmt.Sprintf("%s %s %s %s by %q: %s", stamp(at), kind, incident, what, actor, instants.ReplaceAllStringFunc(reason, inUTC))
}

func refusedLine(at time.Time, status int) string {
	return fmt.Sprintf("%s refused %d", stamp(at), status)
}

// instants in a reason may stand in any zone.
var instants = regexp.MustCompile(`\d{4}-\d\d-\d\dT[0-9:.]+(Z|[+-]\d\d:\d\d)`)

func inUTC(text string) string {
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return text
	}
	return stamp(at)
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) }

// told are the kinds of journal line that both must write alike.
var told = []string{"state", "breach", "step", "act", "target", "silence"}

func pureLines(happened []story.Happening) []string {
	var lines []string
	for _, h := range happened {
		switch {
		case h.What == "notification":
			lines = append(lines, messageLine(h.At, h.Incident, h.Key, h.Episode, h.Step, h.Template, h.DecidedAt, h.Recipients, h.Cc, h.Incidents))
		case h.What == "journal" && slices.Contains(told, h.Kind):
			lines = append(lines, journalLine(h.At, h.Incident, h.Kind, h.Entry, h.Actor, h.Reason))
		case h.What == "refused":
			lines = append(lines, refusedLine(h.At, h.Status))
		}
	}
	return lines
}

// difference lists the lines that only one of two sorted lists has.
func difference(want, got []string) string {
	var b strings.Builder
	const most = 40
	n := 0
	line := func(sign, text string) {
		if n++; n <= most {
			fmt.Fprintln(&b, sign, text)
		}
	}
	for len(want) > 0 || len(got) > 0 {
		switch {
		case len(got) == 0 || len(want) > 0 && want[0] < got[0]:
			line("-", want[0])
			want = want[1:]
		case len(want) == 0 || got[0] < want[0]:
			line("+", got[0])
			got = got[1:]
		default:
			want, got = want[1:], got[1:]
		}
	}
	if n > most {
		fmt.Fprintf(&b, "and %d more\n", n-most)
	}
	return b.String()
}

// samples are what exporters would have left in Prometheus of what is true of
// plans. Intervals are so long that nothing becomes overdue: a story says itself
// when a backup stops being good.
func samples(plans []story.Plan, before, now time.Time) []sample {
	var out []sample
	add := func(name string, l model.Labels, value float64) { out = append(out, sample{name, l, value}) }
	results := map[model.EvidenceState]float64{model.EvidenceOK: 1, model.EvidenceDegraded: 2, model.EvidenceKO: 3, model.EvidenceUnknown: 0}
	read := map[string]bool{}
	for _, plan := range plans {
		result, reported := results[plan.State]
		if !reported {
			continue
		}
		info := plan.Labels.Clone()
		info[model.LabelSource] = cmp.Or(info[model.LabelSource], "story")
		info[model.LabelJobID] = cmp.Or(info[model.LabelJobID], info[model.LabelMachine]+"/"+info[model.LabelBackupRole])
		for _, k := range []string{model.LabelAlertname, model.LabelKind, model.LabelSeverity} {
			delete(info, k)
		}
		ids := model.Labels{}
		for _, k := range []string{model.LabelSource, model.LabelCustomer, model.LabelJobID} {
			ids[k] = info[k]
		}
		good := plan.LastSuccess
		if good.IsZero() && (result == 1 || result == 2) {
			good = before
		}
		last := plan.LastFailure
		if result == 1 || result == 2 {
			last = good
		}
		add("backup_job_info", info, 1)
		add("backup_job_last_result", ids, result)
		add("backup_job_expected_interval_seconds", ids, 100*365*86400)
		if !good.IsZero() {
			add("backup_job_last_success_timestamp_seconds", ids, float64(good.Unix()))
		}
		if !last.IsZero() {
			add("backup_job_last_run_timestamp_seconds", ids, float64(last.Unix()))
		}
		if source := info[model.LabelSource]; !read[source] {
			read[source] = true
			add("backup_source_up", model.Labels{model.LabelSource: source}, 1)
			add("backup_source_last_refresh_timestamp_seconds", model.Labels{model.LabelSource: source}, float64(now.Unix()))
		}
	}
	return out
}
