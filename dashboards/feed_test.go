package dashboards

import (
	"bufio"
	"fmt"
	"maps"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// fed is the moment at which the boards are looked at.
var fed = time.Date(2026, 3, 9, 10, 0, 0, 0, time.UTC)

// span is how far back the history goes.
const span = 35 * 24 * time.Hour

// line is one series: its value at each moment of the history.
type line struct {
	name, labels string
	value        func(at time.Time) float64
}

// feed is a fleet in which every state occurs, in both roles, the product's and
// the chain's own metrics beside it. Names and labels are those that the rules
// record, the exporters' golden expositions show and the receiver declares.
type feed struct{ lines []line }

func (f *feed) add(name, labels string, value func(time.Time) float64) {
	f.lines = append(f.lines, line{name, labels, value})
}

func (f *feed) set(name, labels string, v float64) {
	f.add(name, labels, func(time.Time) float64 { return v })
}

// ago tells a moment before the data's end; it stands still.
func (f *feed) ago(name, labels string, d time.Duration) {
	f.set(name, labels, float64(fed.Add(-d).Unix()))
}

// grow counts up by so many an hour.
func (f *feed) grow(name, labels string, perHour float64) {
	f.add(name, labels, func(at time.Time) float64 { return 1000 + perHour*at.Sub(fed.Add(-span)).Hours() })
}

// newFeed has machines machines of one customer, at least one a state.
func newFeed(machines int) *feed {
	f := &feed{}
	all := states()
	for i := range machines {
		f.machine(fmt.Sprintf("SRV-%04d", i), all[i%len(all)].name, all[(i+3)%len(all)].name)
	}
	f.inventory()
	f.storage()
	f.sources()
	f.receiver()
	f.stack()
	return f
}

// machine has a primary and a local backup.
func (f *feed) machine(name, primary, local string) {
	for role, state := range map[string]string{"primary": primary, "local": local} {
		source, engine := "acronis-eu2", "acronis"
		if role == "local" {
			source, engine = "veeam-dupont", "veeam"
		}
		unit := fmt.Sprintf(`machine=%q,machine_class="server",backup_role=%q`, name, role)
		id := fmt.Sprintf(`source=%q,customer="dupont",job_id="%s-%s"`, source, name, role)
		job := fmt.Sprintf(`%s,%s,engine=%q,plan="daily"`, id, unit, engine)
		f.set("backup_job:state", job+fmt.Sprintf(`,state=%q`, state), 1)
		f.set("machine:backup_state:worst", fmt.Sprintf(`customer="dupont",%s,state=%q`, unit, state), 1)
		f.ago("backup_job:read_timestamp_seconds:last", id, 2*time.Minute)
		if state != "never" {
			f.ago("backup_job:last_success_timestamp_seconds:named", job, 5*time.Hour)
			f.ago("backup_job:last_run_timestamp_seconds:named", job, 5*time.Hour)
		}
		f.ago("backup_job:next_run_timestamp_seconds:named", job, -19*time.Hour)
		f.ago("backup_job:late_after_timestamp_seconds:named", job, -20*time.Hour)
		f.ago("backup_job:running_since_timestamp_seconds:named", job, 10*time.Minute)
		f.set("backup_job:running:named", job, 1)
		f.set("backup_job:enabled:named", job, 1)
		f.set("backup_job:expected_interval_seconds:named", job, 86400)
		f.set("backup_job:consecutive_failures:named", job, 2)
		f.set("backup_job:last_duration_seconds:named", job, 1800)
		f.set("backup_job:last_size_bytes:named", job, 4e9)
		if state == "failed" {
			alert := `alertname="BackupFailed",severity="critical",kind="failed",` + job
			f.set("ALERTS", `alertstate="firing",`+alert, 1)
			f.ago("ALERTS_FOR_STATE", alert, time.Hour)
		}
	}
}

func (f *feed) inventory() {
	f.set("backup_inventory_machine_jobs", `customer="dupont",machine="SRV-0000",machine_class="server"`, 2)
	f.set("backup_inventory_machine_jobs", `customer="dupont",machine="NOWHERE",machine_class="server"`, 0)
	f.set("backup_inventory_plan_listed", `customer="dupont",machine="NOWHERE",machine_class="server",backup_role="primary",engine="acronis",plan="daily"`, 0)
	f.set("backup_inventory_unmatched_machines", `source="acronis-eu2"`, 1)
	f.ago("backup_vanished_timestamp_seconds", `source="acronis-eu2",customer="dupont",job_id="v",machine="SRV-0000",machine_class="server",backup_role="primary",engine="acronis",plan="weekly"`, 40*time.Hour)
	f.set("backup_agent_online", `source="acronis-eu2",customer="dupont",machine="SRV-0000"`, 0)
	f.ago("backup_agent_last_seen_timestamp_seconds", `source="acronis-eu2",customer="dupont",machine="SRV-0000"`, time.Hour)
}

func (f *feed) storage() {
	for name, perHour := range map[string]float64{"nas": -1e9, "vault": 0} {
		r := fmt.Sprintf(`source="veeam-dupont",customer="dupont",repository=%q`, name)
		f.set("backup_repository_online", r, map[string]float64{"nas": 1, "vault": 0}[name])
		f.set("backup_repository_capacity_bytes", r, 2e12)
		f.add("backup_repository_free_bytes", r, func(at time.Time) float64 { return 3e11 + perHour*at.Sub(fed).Hours() })
	}
	q := `source="acronis-eu2",customer="dupont",item="storage",unit="bytes"`
	f.set("backup_quota_used", q, 9e11)
	f.set("backup_quota_limit", q, 1e12)
	f.ago("backup_license_expiry_timestamp_seconds", `source="acronis-eu2",customer="dupont",item="suite"`, -200*time.Hour)
}

func (f *feed) sources() {
	for source, engine := range map[string]string{"acronis-eu2": "acronis", "veeam-dupont": "veeam", "mail": "inbox"} {
		s := fmt.Sprintf("source=%q", source)
		f.set("backup_source_info", s+fmt.Sprintf(",engine=%q", engine), 1)
		f.set("backup_source_up", s, map[bool]float64{true: 0, false: 1}[source == "mail"])
		f.ago("backup_source_last_refresh_timestamp_seconds", s, 2*time.Minute)
		f.set("backup_source_refresh_duration_seconds", s, 3)
		f.set("backup_source_clock_skew_seconds", s, 0.5)
		f.set("backup_source_endpoint_up", s+`,endpoint="jobs"`, 1)
		f.set("backup_source_items", s+`,endpoint="jobs"`, 8)
		f.set("backup_source_unmatched_results", s, 1)
		f.grow("backup_source_errors_total", s+`,reason="timeout"`, 1)
		f.grow("backup_source_unknown_values_total", s+`,field="result"`, 1)
	}
	f.set("backup_inbox_unsorted_messages", `source="mail"`, 2)
	f.ago("backup_inbox_last_message_timestamp_seconds", `source="mail"`, time.Hour)
	f.grow("backup_inbox_ignored_messages_total", `source="mail",reason="bounce"`, 1)
	f.ago("backup_job_received_timestamp_seconds", `source="push",customer="dupont",job_id="p"`, time.Minute)
}

func (f *feed) receiver() {
	f.set("vigie_incidents_open", `scenario="server",state="open"`, 2)
	f.ago("vigie_incidents_oldest_opened_timestamp_seconds", `scenario="server",state="open"`, 3*time.Hour)
	f.set("vigie_targets_running", `scenario="server",clock="same_day"`, 2)
	f.set("vigie_targets_overdue", `scenario="server",clock="same_day"`, 1)
	f.ago("vigie_target_next_due_timestamp_seconds", `scenario="server",clock="same_day"`, -3*time.Hour)
	f.set("vigie_guarantee_level", `policy="synomega",level="G1"`, 1)
	f.set("vigie_guarantee_window_open", `policy="synomega"`, 1)
	f.set("vigie_platform_guaranteed_seconds", `platform="lms-A",state="down"`, 420)
	f.set("vigie_platform_guaranteed_seconds", `platform="lms-A",state="unknown"`, 90)
	f.set("vigie_platform_unavailability_seconds", `platform="lms-A"`, 420)
	f.set("vigie_platform_unavailability_tolerance_seconds", `platform="lms-A"`, 600)
	f.set("backup_inventory_restore_test_due_timestamp_seconds", `customer="dupont",machine="SRV-AD",machine_class="server"`, 0)
	for property, n := range map[string]float64{"all": 2, "media": 2, "offsite": 1, "immutable": 0} {
		f.set("vigie_copies_expected", fmt.Sprintf(`customer="dupont",machine="SRV-AD",machine_class="server",property=%q`, property), n)
		f.set("vigie_copies_good", fmt.Sprintf(`customer="dupont",machine="SRV-AD",machine_class="server",property=%q`, property), n)
	}
	f.set("backup_source_expiry_timestamp_seconds", `source="acronis-eu2",item="certificate"`, 4e9)
	f.grow("vigie_incidents_opened_total", `scenario="server"`, 2)
	f.add("vigie_incidents_opened_total", `scenario="nas"`, func(at time.Time) float64 { // its first
		if at.Before(fed.Add(-3 * 24 * time.Hour)) {
			return math.NaN()
		}
		return 1
	})
	f.grow("vigie_sla_breaches_total", `scenario="server",clock="same_day"`, 0.1)
	f.grow("vigie_signals_ignored_total", `reason="warning"`, 1)
	f.grow("vigie_notifications_sent_total", `template="B1",result="accepted"`, 2)
	f.grow("vigie_evidence_questions_total", `result="answered"`, 2)
	f.grow("vigie_loop_errors_total", `loop="tick"`, 0.1)
	f.grow("vigie_decision_faults_total", "", 0.1)
	f.grow("vigie_alarm_calls_total", `result="accepted"`, 0.1)
	f.grow("vigie_heartbeats_total", `result="accepted"`, 60)
	f.ago("vigie_reconcile_last_success_timestamp_seconds", `alertmanager="am"`, time.Minute)
	f.set("vigie_alertmanager_up", `alertmanager="am"`, 1)
	f.ago("backup_exporter_inventory_last_fetch_success_timestamp_seconds", "", time.Hour)
	f.set("backup_exporter_inventory_last_fetch_successful", "", 0)
	f.ago("vigie_mailbox_last_success_timestamp_seconds", "", time.Minute)
	f.grow("vigie_mailbox_mails_total", `sort="bounce"`, 1)
	f.set("vigie_mailbox_mails_left", "", 1)
	f.grow("vigie_webhook_requests_total", `code="200"`, 1)
	f.grow("vigie_webhook_oversize_total", "", 0.1)
	f.grow("vigie_webhook_truncated_alerts_total", "", 0.1)
	f.grow("backup_exporter_textfile_write_errors_total", "", 0.1)
	f.set("backup_exporter_config_last_reload_successful", "", 1)
	f.ago("backup_exporter_config_last_reload_success_timestamp_seconds", "", time.Hour)
	f.set("vigie_calendar_copy_used", `calendar="holidays"`, 1)
	f.ago("vigie_heartbeat_last_success_timestamp_seconds", "", time.Minute)
	f.set("vigie_config_last_reload_successful", "", 1)
	f.ago("vigie_config_last_reload_success_timestamp_seconds", "", 100*time.Hour)
	f.set("vigie_notification_outbox_pending", "", 3)
	f.ago("vigie_notification_outbox_oldest_timestamp_seconds", "", time.Minute)
	f.set("vigie_data_quality_issues", `issue="no_customer"`, 1)
	f.ago("vigie_watchdog_last_received_timestamp_seconds", "", time.Minute)
	f.ago("vigie_loop_last_turn_timestamp_seconds", `loop="tick"`, time.Second)
	f.set("vigie_store_disk_free_bytes", "", 5e10)
	f.set("vigie_store_disk_size_bytes", "", 1e11)
	f.set("vigie_store_disk_full", "", 1)
	f.set("vigie_store_up", "", 1)
}

// stack is what Prometheus, Alertmanager and the rules about platforms tell.
func (f *feed) stack() {
	for _, job := range []string{"backup_exporter", "vigie"} {
		f.set("up", fmt.Sprintf(`job=%q,instance="a"`, job), 1)
	}
	f.set("prometheus_config_last_reload_successful", "", 1)
	f.set("alertmanager_config_last_reload_successful", "", 1)
	f.set("prometheus_rule_group_last_duration_seconds", `rule_group="backup_jobs"`, 2)
	f.set("prometheus_rule_group_interval_seconds", `rule_group="backup_jobs"`, 30)
	f.grow("prometheus_rule_evaluation_failures_total", `rule_group="backup_jobs"`, 1)
	f.grow("prometheus_rule_group_iterations_missed_total", `rule_group="backup_jobs"`, 1)
	f.grow("prometheus_notifications_dropped_total", `alertmanager="am"`, 1)
	f.grow("alertmanager_notifications_failed_total", `integration="webhook"`, 1)
	f.grow("alertmanager_notifications_total", `integration="webhook"`, 9)
	f.set("alertmanager_silences", `state="active"`, 1)
	f.set("alertmanager_alerts", `state="active"`, 4)
	p := `platform="lms-A",site="site-1",probe="login",target="https://lms-a.example/"`
	f.set("platform:probe_success:max", p, 1)
	f.set("platform:probe_success:last", p, 1)
	f.ago("platform:expiry_timestamp_seconds:min", `platform="lms-A",item="TLS certificate"`, -300*time.Hour)
	alert := `alertname="MoodlePageDown",severity="blocking",signal="functional_probe",kind="page_down",platform="lms-A"`
	f.set("ALERTS", `alertstate="firing",`+alert, 1)
	f.ago("ALERTS_FOR_STATE", alert, time.Hour)
	alert = `alertname="BackupSourceDown",severity="critical",kind="source_down",source="mail"`
	f.set("ALERTS", `alertstate="firing",`+alert, 1)
	f.ago("ALERTS_FOR_STATE", alert, time.Hour)
}

// write writes OpenMetrics text with a sample every step.
func (f *feed) write(t testing.TB, file string, step time.Duration) {
	t.Helper()
	out, err := os.Create(file)
	if err != nil {
		t.Fatal(err)
	}
	w := bufio.NewWriter(out)
	slices.SortStableFunc(f.lines, func(a, b line) int { return strings.Compare(a.name, b.name) })
	for _, l := range f.lines {
		for at := fed.Add(-span); !at.After(fed); at = at.Add(step) {
			if v := l.value(at); !math.IsNaN(v) {
				fmt.Fprintf(w, "%s{%s} %g %d\n", l.name, l.labels, v, at.Unix())
			}
		}
	}
	fmt.Fprintln(w, "# EOF")
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	if err := out.Close(); err != nil {
		t.Fatal(err)
	}
}

var (
	series = regexp.MustCompile(`(?m)^([a-z_]+)\{([^}]*)\} `)
	label  = regexp.MustCompile(`([a-z_]+)="`)
)

func labelNames(labels string) string {
	set := map[string]bool{}
	for _, m := range label.FindAllStringSubmatch(labels, -1) {
		set[m[1]] = true
	}
	return strings.Join(slices.Sorted(maps.Keys(set)), ",")
}

// The feed speaks as the exporters and the receiver do.
func TestTheFeedHasTheRealLabels(t *testing.T) {
	real := map[string]string{}
	files, err := filepath.Glob("../exporters/*/testdata/*.prom")
	if err != nil || len(files) == 0 {
		t.Fatalf("no expositions: %v", err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range series.FindAllStringSubmatch(string(text), -1) {
			real[m[1]] = labelNames(m[2])
		}
	}
	var code []byte
	for _, file := range []string{"../receiver/metrics.go", "../receiver/promised/promised.go"} {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		code = append(code, text...)
	}
	// Up to the next name, the first list of strings is its labels; the receiver
	// tells of the inventory under the exporter's names, too.
	for part := range strings.SplitSeq(strings.ReplaceAll(string(code), `"backup_`, `"vigie_backup_`), `"vigie_`) {
		end := strings.IndexByte(part, '"')
		if _, list, ok := strings.Cut(part, "[]string{"); ok && end > 0 {
			list, _, _ = strings.Cut(list, "}")
			names := strings.Split(strings.NewReplacer(`"`, "", " ", "").Replace(list), ",")
			slices.Sort(names)
			real["vigie_"+part[:end]] = strings.Join(names, ",")
		}
	}
	checked := 0
	for _, l := range newFeed(8).lines {
		want, ok := real[l.name]
		if !ok {
			continue
		}
		checked++
		if got := labelNames(l.labels); got != want {
			t.Errorf("%s has the labels %s, the real one %s", l.name, got, want)
		}
	}
	if checked < 40 {
		t.Errorf("only %d series could be compared", checked)
	}
}
