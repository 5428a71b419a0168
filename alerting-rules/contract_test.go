// Package alertingrules holds no code: its tests keep the rules, their
// runbooks and the metrics that they read in step with each other.
package alertingrules

import (
	"cmp"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	prommodel "github.com/prometheus/common/model"
	"go.yaml.in/yaml/v3"

	"vigie/docs/runbooks"
	"vigie/internal/strict"
	"vigie/receiver/message/languages"
	"vigie/receiver/message/locale"
	vigie "vigie/rules"
	"vigie/rules/classify"
	"vigie/rules/model"
	"vigie/rules/policy"
)

// metrics are all that the rules may read besides what they record: the
// exporter's metric model, and what the platforms' probes tell.
var metrics = []string{
	"backup_job_info",
	"backup_job_last_success_timestamp_seconds",
	"backup_job_last_run_timestamp_seconds",
	"backup_job_last_result",
	"backup_job_running",
	"backup_job_running_since_timestamp_seconds",
	"backup_job_enabled",
	"backup_job_next_run_timestamp_seconds",
	"backup_job_expected_interval_seconds",
	"backup_job_last_duration_seconds",
	"backup_job_last_size_bytes",
	"backup_job_consecutive_failures",
	"backup_job_received_timestamp_seconds",
	"backup_job_moved_timestamp_seconds",
	"backup_agent_online",
	"backup_agent_last_seen_timestamp_seconds",
	"backup_repository_capacity_bytes",
	"backup_repository_free_bytes",
	"backup_repository_online",
	"backup_quota_used",
	"backup_quota_limit",
	"backup_license_expiry_timestamp_seconds",
	"backup_source_up",
	"backup_source_last_refresh_timestamp_seconds",
	"backup_source_poll_interval_seconds",
	"backup_source_refresh_duration_seconds",
	"backup_source_errors_total",
	"backup_source_unknown_values_total",
	"backup_source_items",
	"backup_source_clock_skew_seconds",
	"backup_source_expiry_timestamp_seconds",
	"backup_inbox_unsorted_messages",
	"backup_vanished_timestamp_seconds",
	"backup_inventory_plan_listed",
	"backup_inventory_machine_jobs",
	"backup_inventory_source_expected",
	"backup_inventory_restore_test_due_timestamp_seconds",
	"backup_inventory_unmatched_machines",
	"backup_exporter_config_last_reload_successful",

	"up",
	"probe_success",
	"probe_duration_seconds",
	"probe_ssl_earliest_cert_expiry",
	"node_boot_time_seconds",
	"node_cpu_seconds_total",
	"node_filesystem_avail_bytes",
	"node_filesystem_size_bytes",
	"node_load5",
	"node_memory_MemAvailable_bytes",
	"node_memory_MemTotal_bytes",
	"node_timex_offset_seconds",
	"node_timex_sync_status",
	"nginx_http_requests_total",
	"platform_expiry_timestamp_seconds",
	"moodle_cron_last_run_timestamp_seconds",
	"moodle_failed_tasks",
	"moodle_adhoc_oldest_task_timestamp_seconds",

	"prometheus_config_last_reload_successful",
	"prometheus_notifications_alertmanagers_discovered",
	"prometheus_notifications_dropped_total",
	"prometheus_rule_evaluation_failures_total",
	"prometheus_rule_group_iterations_missed_total",
	"prometheus_rule_group_rules", "prometheus_rule_group_interval_seconds",
	"alertmanager_config_last_reload_successful",
	"alertmanager_notifications_failed_total",
	"alertmanager_notifications_total",

	"vigie_alertmanager_up",
	"vigie_calendar_copy_used",
	"vigie_config_last_reload_successful",
	"vigie_heartbeats_total",
	"vigie_leading",
	"vigie_loop_last_turn_timestamp_seconds",
	"vigie_mailbox_up",
	"vigie_platform_probe_expected",
	"vigie_notification_outbox_oldest_timestamp_seconds",
	"vigie_store_disk_free_bytes",
	"vigie_store_disk_full",
	"vigie_store_disk_size_bytes",
	"vigie_store_up",
	"vigie_targets_overdue",
}

// What the rules read of the receiver must be what the receiver says.
func TestTheReceiverHasItsMetrics(t *testing.T) {
	files, err := filepath.Glob("../receiver/*.go")
	if err != nil || len(files) == 0 {
		t.Fatalf("no receiver: %v", err)
	}
	rooms, err := filepath.Glob("../receiver/*/*.go")
	if err != nil {
		t.Fatal(err)
	}
	var code strings.Builder
	for _, f := range append(files, rooms...) {
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		code.Write(text)
	}
	for _, m := range metrics {
		if strings.HasPrefix(m, "vigie_") && !strings.Contains(code.String(), fmt.Sprintf("%q", m)) {
			t.Errorf("the receiver has no metric %s", m)
		}
	}
}

type rule struct {
	Record      string            `yaml:"record"`
	Alert       string            `yaml:"alert"`
	Expr        string            `yaml:"expr"`
	For         *string           `yaml:"for"`
	Labels      map[string]string `yaml:"labels"`
	Annotations map[string]string `yaml:"annotations"`

	file, group string
	every       prommodel.Duration // its group's interval, 0 for that of all
}

func (r rule) String() string { return fmt.Sprintf("%s: %s%s", r.file, r.Alert, r.Record) }

func (r rule) platform() bool { return filepath.Base(r.file) == "platforms.yml" }

func rules(t *testing.T) []rule {
	t.Helper()
	files, err := filepath.Glob("*.yml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no rule files: %v", err)
	}
	var all []rule
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var content struct {
			Groups []struct {
				Name     string             `yaml:"name"`
				Interval prommodel.Duration `yaml:"interval"`
				Rules    []rule             `yaml:"rules"`
			} `yaml:"groups"`
		}
		if err := yaml.Unmarshal(text, &content); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		for _, g := range content.Groups {
			for _, r := range g.Rules {
				r.file, r.group, r.every = file, g.Name, g.Interval
				all = append(all, r)
			}
		}
	}
	return all
}

func TestEveryAlertSaysWhatAPersonAndTheReceiverNeed(t *testing.T) {
	const base = "https://vigie.example/runbooks/"
	for _, r := range rules(t) {
		if r.Alert == "" {
			continue
		}
		for _, a := range []string{"summary", "description", "runbook_url"} {
			if strings.TrimSpace(r.Annotations[a]) == "" {
				t.Errorf("%v has no %s", r, a)
			}
		}
		if strings.Contains(r.Annotations["summary"], "{{") {
			t.Errorf("%v: the summary must be constant: %q", r, r.Annotations["summary"])
		}
		if r.Annotations["runbook_url"] != base+r.Alert {
			t.Errorf("%v: runbook_url is %q, want %q", r, r.Annotations["runbook_url"], base+r.Alert)
		}
		if r.For == nil {
			t.Errorf("%v has no for", r)
		}
		for _, l := range []string{"kind", "severity"} {
			if r.Labels[l] == "" {
				t.Errorf("%v has no label %s", r, l)
			}
		}
		if r.platform() {
			if s := r.Labels["signal"]; s != "infra_probe" && s != "functional_probe" {
				t.Errorf("%v: signal is %q, want infra_probe or functional_probe", r, s)
			}
			if s := r.Labels["severity"]; s != "minor" && s != "major" && s != "blocking" {
				t.Errorf("%v: severity is %q, want minor, major or blocking", r, s)
			}
		}
	}
}

// An alert that waits four to ten minutes ends at each restart of Prometheus and
// begins anew: how long it has waited is forgotten below
// --rules.alert.for-grace-period, ten minutes by default, while its last word to
// Alertmanager holds for four.
func TestNoAlertEndsAtARestart(t *testing.T) {
	for _, r := range rules(t) {
		if r.For == nil {
			continue
		}
		d, err := prommodel.ParseDuration(*r.For)
		if err != nil {
			t.Fatalf("%v: for: %v", r, err)
		}
		if wait := time.Duration(d); wait >= 4*time.Minute && wait < 10*time.Minute {
			t.Errorf("%v waits %v: it ends at a restart of Prometheus; want at most 3m, or 10m and more", r, wait)
		}
	}
}

// In every language, with the same sections in the same order.
// A Prometheus that only records needs no Alertmanager; which groups hold alerts is
// written into the rule that tells of one without.
func TestGroupsWithAlertsAreKnown(t *testing.T) {
	var expr string
	holds := map[string]bool{}
	for _, r := range rules(t) {
		holds[r.group] = holds[r.group] || r.Alert != ""
		if r.Alert == "PrometheusNotificationsDropped" {
			expr = r.Expr
		}
	}
	m := regexp.MustCompile(`rule_group=~"(.*)"`).FindStringSubmatch(expr)
	if m == nil {
		t.Fatalf("no groups in %s", expr)
	}
	named := regexp.MustCompile("^(?:" + m[1] + ")$")
	for group, alerts := range holds {
		if named.MatchString("/rules/file.yml;"+group) != alerts {
			t.Errorf("group %s: has alerts: %v, named: %v", group, alerts, !alerts)
		}
	}
}

func TestEveryAlertHasARunbookAndEveryRunbookAnAlert(t *testing.T) {
	var alerts []string
	for _, r := range rules(t) {
		if r.Alert != "" && !slices.Contains(alerts, r.Alert) {
			alerts = append(alerts, r.Alert)
		}
	}
	for _, name := range runbooks.Alerts() {
		if !slices.Contains(alerts, name) {
			t.Errorf("the runbook %s belongs to no alert", name)
		}
	}
	headings := map[string][]string{
		"en": {"## What it means", "## What to look at first", "## What to do", "## When it is over"},
		"fr": {"## Ce que cela signifie", "## Que regarder d'abord", "## Que faire", "## Quand c'est terminé"},
	}
	for _, language := range runbooks.Languages() {
		for _, name := range alerts {
			text, ok := runbooks.Page(language, name)
			if !ok {
				t.Errorf("%s: there is no runbook %s", language, name)
			}
			at := 0
			for _, heading := range append([]string{"# " + name}, headings[language]...) {
				i := strings.Index(text[at:], heading)
				if i < 0 {
					t.Errorf("%s: the runbook %s lacks %q, or has it in another order", language, name, heading)
					break
				}
				at += i + len(heading)
			}
		}
	}
}

// What a runbook names must be there: alerts, metrics, and commands of ours. Both
// languages name the same.
func TestRunbooksNameWhatThereIs(t *testing.T) {
	known := append(slices.Clone(metrics), "prometheus_notifications_errors_total", "prometheus_rule_group_last_duration_seconds", "prometheus_rule_group_interval_seconds",
		"vigie_notifications_sent_total", "backup_source_endpoint_up", "backup_jobs")
	for _, r := range rules(t) {
		known = append(known, r.Alert, r.Record)
	}
	code := regexp.MustCompile("`([^`]+)`")
	metric := regexp.MustCompile(`\b(?:backup|vigie|prometheus|alertmanager|moodle)_[a-z_]*(?:seconds|total|bytes|info|up|used|limit|listed|jobs|expected)\b|\bbackup_job:[a-z_:]+`)
	alert := regexp.MustCompile(`\b(?:Backup|Vigie|Moodle|Prometheus)[A-Z][A-Za-z]+\b`)
	said := regexp.MustCompile(`"([^"]+)"|« ([^»]+) »`)
	elsewhere := []string{"this receiver cannot turn the loops", "resolved", "résolu"} // in a log, and in the subjects of mails
	words := map[string]string{}
	for _, language := range runbooks.Languages() {
		for _, file := range []string{"words", "pages"} {
			text, err := os.ReadFile(filepath.Join("../receiver/message/languages", language, file+".yml"))
			if err != nil {
				t.Fatal(err)
			}
			words[language] += string(text)
		}
	}
	for _, name := range append(runbooks.Alerts(), "") {
		var named [2]string
		for i, language := range runbooks.Languages() {
			text, _ := runbooks.Page(language, name)
			if name == "" {
				text = runbooks.Products(language, "BackupFailed")
			}
			for _, m := range append(metric.FindAllString(text, -1), alert.FindAllString(text, -1)...) {
				if !slices.Contains(known, m) {
					t.Errorf("%s %s names %s, which is nowhere", language, name, m)
				}
			}
			for _, m := range said.FindAllStringSubmatch(text, -1) {
				if what := cmp.Or(m[1], m[2]); !strings.Contains(words[language], `: "`+what+`"`) && !slices.Contains(elsewhere, what) {
					t.Errorf("%s %s says %q, which no mail and no page says", language, name, what)
				}
			}
			for _, m := range code.FindAllStringSubmatch(text, -1) {
				named[i] += strings.ReplaceAll(m[1], "NOM", "NAME") + "\n"
			}
		}
		if named[0] != named[1] {
			t.Errorf("%s: the languages name different things:\n%s\n%s", name, named[0], named[1])
		}
	}
}

func TestEveryAlertIsTestedInBothDirections(t *testing.T) {
	files, err := filepath.Glob("tests/*.yml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no tests: %v", err)
	}
	type outcome struct{ fires, silent bool }
	seen := map[string]outcome{}
	selector := regexp.MustCompile(`ALERTS\{[^}]*alertname=~?"([^"]+)"`)
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var content struct {
			Tests []struct {
				Name    string `yaml:"name"`
				Start   string `yaml:"start_timestamp"`
				Samples []struct {
					Expr string      `yaml:"expr"`
					Exp  []yaml.Node `yaml:"exp_samples"`
				} `yaml:"promql_expr_test"`
				Alerts []struct {
					Name string      `yaml:"alertname"`
					Exp  []yaml.Node `yaml:"exp_alerts"`
				} `yaml:"alert_rule_test"`
			} `yaml:"tests"`
		}
		if err := yaml.Unmarshal(text, &content); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		note := func(alert string, n int) {
			o := seen[alert]
			o.fires = o.fires || n > 0
			o.silent = o.silent || n == 0
			seen[alert] = o
		}
		for _, c := range content.Tests {
			if c.Start == "" {
				t.Errorf("%s: %s has no start_timestamp: it would play in 1970", file, c.Name)
			}
			for _, s := range c.Samples {
				if m := selector.FindStringSubmatch(s.Expr); m != nil {
					for alert := range strings.SplitSeq(m[1], "|") {
						note(alert, len(s.Exp))
					}
				}
			}
			for _, a := range c.Alerts {
				note(a.Name, len(a.Exp))
			}
		}
	}
	for _, r := range rules(t) {
		if r.Alert == "" {
			continue
		}
		if o := seen[r.Alert]; !o.fires || (!o.silent && r.Alert != "Watchdog") {
			t.Errorf("%v: tested to fire: %v, to be silent: %v", r, o.fires, o.silent)
		}
	}
}

func TestRulesReadKnownMetricsOnly(t *testing.T) {
	known := map[string]bool{"ALERTS": true} // which Prometheus and vmalert write themselves
	for _, m := range metrics {
		known[m] = true
	}
	all := rules(t)
	for _, r := range all {
		if r.Record != "" {
			if known[r.Record] {
				t.Errorf("%v is recorded twice or hides a metric", r)
			}
			if strings.Count(r.Record, ":") != 2 && r.Record != "backup_job:state" {
				t.Errorf("%v: a recorded name has the form level:metric:operations", r)
			}
			known[r.Record] = true
		}
	}
	recorded := regexp.MustCompile(`[a-z_]+:[a-z_0-9]+:[a-z_0-9]+`)
	for _, r := range all {
		for _, m := range metricsOf(r.Expr) {
			if !known[m] {
				t.Errorf("%v reads %s, which nobody exports or records", r, m)
			}
		}
		for _, a := range r.Annotations {
			for _, m := range recorded.FindAllString(a, -1) {
				if !known[m] {
					t.Errorf("%v: an annotation asks for %s, which nobody records", r, m)
				}
			}
		}
	}
}

// Only a scrape itself belongs to a job and an instance; what it tells does not.
// A machine's own exporter is the machine, so there instance names it; and whether a
// source can be read each exporter says for itself.
func TestJobAndInstanceStandBesideUpOnly(t *testing.T) {
	use := regexp.MustCompile(`\b(job|instance)\b\s*(=|!|,|\)|")|["(,]\s*(job|instance)\b`)
	for _, r := range rules(t) {
		ofTheScraped := func(metric string) bool {
			return metric == "up" || metric == "backup_source_up" || strings.HasPrefix(metric, "node_")
		}
		if use.MatchString(r.Expr) && !slices.ContainsFunc(metricsOf(r.Expr), ofTheScraped) {
			t.Errorf("%v uses job or instance without up", r)
		}
		for l := range r.Labels {
			if l == "job" || l == "instance" {
				t.Errorf("%v sets the label %s", r, l)
			}
		}
	}
}

// A label that is lost in a join would move an alert to another incident.
func TestNamedRecordsKeepTheNames(t *testing.T) {
	for _, r := range rules(t) {
		if !strings.HasSuffix(r.Record, ":named") {
			continue
		}
		// The names stand on the listed jobs, whose side of the join keeps its labels.
		joined := strings.HasPrefix(r.Expr, "backup_job:info:listed\n    * on (source, customer, job_id) group_left ()\n")
		from := strings.Contains(r.Expr, ":named") && !strings.Contains(r.Expr, "backup_job:info:listed")
		if !from && !joined {
			t.Errorf("%v does not join the names", r)
		}
	}
}

var (
	quoted   = regexp.MustCompile(`"(\\.|[^"\\])*"`)
	matchers = regexp.MustCompile(`\{[^}]*\}`)
	ranges   = regexp.MustCompile(`\[[^\]]*\]|\boffset\s+\w+`)
	grouping = regexp.MustCompile(`\b(on|ignoring|by|without|group_left|group_right)\s*\([^)]*\)`)
	word     = regexp.MustCompile(`[a-zA-Z_:][a-zA-Z0-9_:]*\s*\(?`)
)

// metricsOf names the metrics of an expression: every word that is no
// operator, no function, no label and no text. promtool has parsed it.
func metricsOf(expr string) []string {
	for _, strip := range []*regexp.Regexp{quoted, matchers, ranges, grouping} {
		expr = strip.ReplaceAllString(expr, " ")
	}
	var found []string
	for _, w := range word.FindAllString(expr, -1) {
		if strings.HasSuffix(w, "(") {
			continue
		}
		w = strings.TrimSpace(w)
		if !slices.Contains([]string{"and", "or", "unless", "bool", "offset", "group_left", "group_right"}, w) {
			found = append(found, w)
		}
	}
	return found
}

func TestMetricsOf(t *testing.T) {
	got := metricsOf(`max by (source) (backup_source_up{a="job_x(y)"}) == 0 and on (source) group_left (plan) (time() - a:b:c > 5 or last_over_time(up[1h]))`)
	want := []string{"backup_source_up", "a:b:c", "up"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// Prometheus looks back five minutes: what is recorded more seldom is away between
// its samples, also at the steps of a subquery. promtool does not show it, for it
// evaluates every group at the pace of the test file.
func TestWhatIsRecordedSeldomIsReadOverARange(t *testing.T) {
	const lookback = 5 * time.Minute
	all, seldom := rules(t), 0
	for _, slow := range all {
		if slow.Record == "" || time.Duration(slow.every) <= lookback {
			continue
		}
		seldom++
		selector := regexp.MustCompile(`\b` + slow.Record + `\b(\{[^}]*\})?(\[\w+\])?`)
		for _, r := range all {
			for _, found := range selector.FindAllStringSubmatch(r.Expr, -1) {
				if found[2] == "" {
					t.Errorf("%s reads %s, which is recorded every %s, as it is just now: write last_over_time(...[2h])", r, slow.Record, slow.every)
				}
			}
		}
	}
	if seldom == 0 {
		t.Error("no group is slower than Prometheus looks back: this test has nothing to hold")
	}
}

// elsewhere are alerts that the example policies and the languages know and that
// no shipped rule fires, with the reason.
var elsewhere = map[string]string{
	"HostUnreachable":              "rules of one's own: no exporter here tells a host from the way to it",
	"MoodleLoginDown":              "rules of one's own: no exporter here logs in to a platform",
	"CommonBackupFailure":          "a policy raises it from other alerts",
	"SiteOffline":                  "a policy raises it from other alerts",
	"VigieMonitoringBlind":         "Vigie raises it itself when Prometheus is silent",
	"VigieAlertmanagerUnreachable": "Vigie raises it itself when Alertmanager does not answer",
	classify.RefusedReport:         "Vigie raises it itself for a report that nobody may make",
}

// A policy names no alert that nobody fires.
func TestEveryNamedAlertIsFired(t *testing.T) {
	known := slices.Collect(maps.Keys(elsewhere))
	for _, r := range rules(t) {
		known = append(known, r.Alert)
		if elsewhere[r.Alert] != "" {
			t.Errorf("%v stands among the alerts that no rule fires", r)
		}
	}
	matcher := regexp.MustCompile(`alertname[=!]~?"([^"]+)"`)
	list := regexp.MustCompile(`alerts: \[([^\]]*)\]`)
	files, err := filepath.Glob("../deploy/examples/*/policy/*.yml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no policies: %v", err)
	}
	named := 0
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range append(matcher.FindAllStringSubmatch(string(text), -1), list.FindAllStringSubmatch(string(text), -1)...) {
			for _, name := range strings.FieldsFunc(m[1], func(r rune) bool { return strings.ContainsRune("|, ", r) }) {
				named++
				if !slices.Contains(known, name) {
					t.Errorf("%s names %s, which no rule fires", f, name)
				}
			}
		}
	}
	if named == 0 {
		t.Error("the policies name no alert: the test reads them wrongly")
	}
}

// What a policy says of an alert's severity is what its rule says. Policies of backups say none.
func TestSeveritiesOfRulesAndPoliciesAgree(t *testing.T) {
	fires := map[string]string{}
	for _, r := range rules(t) {
		fires[r.Alert] = r.Labels["severity"]
	}
	compared := 0
	for _, s := range example(t, "activeprolearn").Scenarios {
		for name, severity := range s.Severity.Alerts {
			if elsewhere[name] != "" {
				continue
			}
			compared++
			if fires[name] != severity {
				t.Errorf("%s: the scenario %s says %s, the rule %q", name, s.Name, severity, fires[name])
			}
		}
	}
	if compared == 0 {
		t.Error("no severity is compared: the test reads them wrongly")
	}
}

// Each alert has a name in every language, and each such name an alert.
func TestEveryAlertHasWords(t *testing.T) {
	catalog, err := locale.Load(languages.Folders())
	if err != nil {
		t.Fatal(err)
	}
	known := slices.Collect(maps.Keys(elsewhere))
	for _, r := range rules(t) {
		if r.Alert != "" {
			known = append(known, r.Alert)
		}
	}
	for _, code := range catalog.Codes() {
		own := catalog.Find(code).Keys() // not Has, for which English steps in
		for _, name := range known {
			if !slices.Contains(own, "alert."+name) {
				t.Errorf("%s: no words for the alert %s", code, name)
			}
		}
		for _, key := range own {
			name, ok := strings.CutPrefix(key, "alert.")
			if ok && name != "unnamed" && name != "" && !slices.Contains(known, name) {
				t.Errorf("%s: words for the alert %s, which nobody fires", code, name)
			}
		}
	}
}

// Each product that a source reads has a name in every language.
func TestEveryEngineHasWords(t *testing.T) {
	catalog, err := locale.Load(languages.Folders())
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob("../exporters/*/config.go")
	if err != nil {
		t.Fatal(err)
	}
	engines := map[string]bool{}
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range regexp.MustCompile(`\bEngine += "([a-z_]+)"`).FindAllStringSubmatch(string(text), -1) {
			engines[m[1]] = true
		}
	}
	for _, means := range []string{"inbox", "push"} { // by which others tell of theirs
		delete(engines, means)
	}
	if len(engines) < 7 {
		t.Errorf("only %d products found: the test reads them wrongly", len(engines))
	}
	for _, code := range catalog.Codes() {
		own := catalog.Find(code).Keys()
		for engine := range engines {
			if !slices.Contains(own, "engine."+engine) {
				t.Errorf("%s: no words for the product %s", code, engine)
			}
		}
	}
}

// example reads the policy of a shipped example.
func example(t *testing.T, name string) *policy.Policy {
	t.Helper()
	files, err := filepath.Glob("../deploy/examples/" + name + "/policy/*.yml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no policy: %v", err)
	}
	var sources []strict.File
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		sources = append(sources, strict.File{Name: f, Text: text})
	}
	all, err := vigie.LoadPolicies(sources)
	if err != nil || len(all) != 1 {
		t.Fatalf("%d policies: %v", len(all), err)
	}
	return all[0]
}

// fired are the alerts with their labels as the rules' own tests see them fire.
func fired(t *testing.T) map[string][]model.Labels {
	t.Helper()
	files, err := filepath.Glob("tests/*.yml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no tests: %v", err)
	}
	pair := regexp.MustCompile(`([a-z_]+)="([^"]*)"`)
	out := map[string][]model.Labels{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var content struct {
			Tests []struct {
				Samples []struct {
					Exp []struct {
						Labels string `yaml:"labels"`
					} `yaml:"exp_samples"`
				} `yaml:"promql_expr_test"`
				Alerts []struct {
					Name string `yaml:"alertname"`
					Exp  []struct {
						Labels model.Labels `yaml:"exp_labels"`
					} `yaml:"exp_alerts"`
				} `yaml:"alert_rule_test"`
			} `yaml:"tests"`
		}
		if err := yaml.Unmarshal(text, &content); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		for _, c := range content.Tests {
			for _, s := range c.Samples {
				for _, e := range s.Exp {
					l := model.Labels{}
					for _, m := range pair.FindAllStringSubmatch(e.Labels, -1) {
						l[m[1]] = m[2]
					}
					if l["alertstate"] == "firing" && l["kind"] != "" {
						delete(l, "alertstate")
						out[l["alertname"]] = append(out[l["alertname"]], l)
					}
				}
			}
			for _, a := range c.Alerts {
				for _, e := range a.Exp {
					l := model.Labels{"alertname": a.Name}
					maps.Copy(l, e.Labels)
					out[a.Name] = append(out[a.Name], l)
				}
			}
		}
	}
	return out
}

// What ships fires what ships knows: no alert of ours is unrecognised.
func TestEveryAlertHasAScenario(t *testing.T) {
	backups, platforms := example(t, "synomega"), example(t, "activeprolearn")
	seen := fired(t)
	for _, r := range rules(t) {
		if r.Alert == "" {
			continue
		}
		var policies []*policy.Policy
		switch filepath.Base(r.file) {
		case "platforms.yml":
			policies = append(policies, platforms)
		case "backup.yml":
			policies = append(policies, backups)
		default:
			policies = append(policies, backups, platforms)
		}
		cases := slices.Clone(seen[r.Alert])
		if len(cases) == 0 { // seen to fire by its name alone
			l := model.Labels{"alertname": r.Alert}
			maps.Copy(l, r.Labels)
			if r.platform() {
				l["platform"] = "lms-A"
			}
			cases = append(cases, l)
		}
		for _, p := range policies {
			last := p.Scenarios[len(p.Scenarios)-1]
			for _, l := range cases {
				if p.For(l) == last {
					t.Errorf("%v with %v is unrecognised by the policy %s", r, l, p.Name)
				}
			}
		}
	}
}

// A mutant counts as equivalent for a reason that is written down, and of a rule that there is.
func TestEquivalentMutantsHaveReasons(t *testing.T) {
	text, err := os.ReadFile("equivalent-mutants.txt")
	if err != nil {
		t.Fatal(err)
	}
	known := rules(t)
	for line := range strings.Lines(string(text)) {
		mutant, reason, _ := strings.Cut(strings.TrimSpace(line), "\t")
		name, _, _ := strings.Cut(mutant, ": ")
		if !strings.HasPrefix(mutant, "#") && (reason == "" || !slices.ContainsFunc(known, func(r rule) bool { return name == r.Alert+r.Record })) {
			t.Errorf("%q names no rule, or gives no reason", line)
		}
	}
}

// What the table of situations says is played somewhere must lie there.
func TestSituationsAreWhereTheyAreSaidToBe(t *testing.T) {
	page, err := os.ReadFile("../docs/alerting.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, found := strings.Cut(string(page), "| situation | played in |\n|---|---|\n")
	if !found {
		t.Fatal("docs/alerting.md has no table of situations")
	}
	table, _, _ = strings.Cut(table, "\n\n")
	for row := range strings.Lines(table + "\n") {
		cells := strings.Split(strings.Trim(row, "| \n"), " | ")
		if len(cells) != 2 {
			t.Errorf("%q has not two cells", row)
			continue
		}
		places := regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(cells[1], -1)
		if len(places) == 0 {
			t.Errorf("%q: nobody plays it", cells[0])
		}
		for _, place := range places {
			name := place[1]
			files := []string{"tests/" + name + ".yml", "../" + name, name}
			if !slices.ContainsFunc(files, func(f string) bool { _, err := os.Stat(f); return err == nil }) {
				t.Errorf("%q: no file is called %s", cells[0], name)
			}
		}
	}
}
