package acronis

import (
	"bufio"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"vigie/exporters"
	"vigie/exporters/sourcetest"
)

// samples finds the folder of published records, which is not part of the
// project; without it the tests that read it are skipped.
func samples(t *testing.T, product string) string {
	t.Helper()
	dir := os.Getenv("VIGIE_SAMPLES")
	if dir == "" {
		dir = "../../../shared/samples"
	}
	dir = filepath.Join(dir, product)
	if _, err := os.Stat(dir); err != nil {
		t.Skipf("no published records at %s; set VIGIE_SAMPLES to their folder", dir)
	}
	return dir
}

func lines(t *testing.T, file string) []string {
	t.Helper()
	f, err := os.Open(file)
	sourcetest.Check(t, err)
	defer f.Close()
	var out []string
	s := bufio.NewScanner(f)
	s.Buffer(nil, 1<<20)
	for s.Scan() {
		if strings.TrimSpace(s.Text()) != "" {
			out = append(out, s.Text())
		}
	}
	sourcetest.Check(t, s.Err())
	return out
}

func TestPublishedTasksAndActivities(t *testing.T) {
	var tasks []task
	for _, line := range lines(t, filepath.Join(samples(t, "acronis"), "siem/tasks_and_activities.jsonl")) {
		var one task
		sourcetest.Check(t, json.Unmarshal([]byte(line), &one))
		if one.UUID == "" || one.CompletedAt.IsZero() || one.Tenant.UUID == "" || one.Result.Code != "ok" {
			t.Errorf("not read: %s", line)
		}
		if isBackup(&one) {
			t.Errorf("%s is not a backup", one.Type)
		}
		tasks = append(tasks, one)
	}
	if len(tasks) < 5 {
		t.Fatalf("%d records", len(tasks))
	}
	known := newKnowledge()
	build(listing{tasks: tasks}, &known, &Config{location: time.UTC}, time.Now())
	if got := known.numeric["67"]; got.UUID != "ba959847-ca47-4a48-90a5-cb42789d5b34" || got.Locator != "/1/66/67/" {
		t.Errorf("tenant 67 is %+v", got)
	}
	// A task and its activity are one run.
	twice := tasks[0]
	twice.Type = strings.ToUpper(backupCommand)
	known = newKnowledge()
	build(listing{tasks: []task{twice, twice}, statuses: []resourceStatus{{Context: struct {
		ID              exporters.Text `json:"id"`
		Type            string         `json:"type"`
		Name            string         `json:"name"`
		UserDefinedName string         `json:"user_defined_name"`
		TenantID        exporters.Text `json:"tenant_id"`
		AgentID         exporters.Text `json:"agent_id"`
		Attributes      *[]attributes  `json:"attributes"`
	}{ID: twice.Resource.ID}}}}, &known, &Config{location: time.UTC}, time.Now())
	if got := len(known.tasks[twice.Resource.ID.Lower()]); got != 1 {
		t.Errorf("%d runs of one task", got)
	}
}

func TestPublishedAlerts(t *testing.T) {
	dir := samples(t, "acronis")
	raw, err := os.ReadFile(filepath.Join(dir, "openapi/alerts_list.200.json"))
	sourcetest.Check(t, err)
	var p page[alert]
	sourcetest.Check(t, json.Unmarshal(raw, &p))
	if len(p.Items) != 3 || p.after != "" || p.Items[0].Type != "BackupFailed" || p.Items[0].Tenant.Locator != "/1/50/53/56/" {
		t.Errorf("got %+v", p)
	}
	// The machine's clock ran four days ahead of the cloud's.
	if got := p.Items[0].noticed(); !got.Equal(time.Date(2021, 4, 1, 22, 16, 19, 710255110, time.UTC)) {
		t.Errorf("noticed at %v", got)
	}
	for _, line := range lines(t, filepath.Join(dir, "siem/alerts.jsonl")) {
		var a alert
		sourcetest.Check(t, json.Unmarshal([]byte(line), &a))
		if a.ID == "" || a.noticed().IsZero() || a.Tenant.UUID == "" {
			t.Errorf("not read: %s", line)
		}
		if a.Type == "BackupCanceled" && (a.Details.ResourceID.Lower() != "9386e27c-a64c-4e24-a2bc-391a0dc8f9de" || a.Details.FinishTime.Unix() != 1761319155) {
			t.Errorf("details %+v", a.Details)
		}
	}
}

var cefDetails = regexp.MustCompile(`\|([A-Za-z]+)\|[A-Za-z]+\|\d+\|cs1=(\{.*\}) cs1Label=alertdetails`)

func TestPublishedAlertDetails(t *testing.T) {
	seen := map[string]bool{}
	for _, line := range lines(t, filepath.Join(samples(t, "acronis"), "siem/alerts.cef.log")) {
		m := cefDetails.FindStringSubmatch(line)
		if m == nil {
			t.Fatalf("no details in %.80s", line)
		}
		a := alert{ID: "x", Type: m[1], CreatedAt: exporters.Instant{Time: time.Unix(1760520800, 0)}}
		sourcetest.Check(t, json.Unmarshal([]byte(strings.ReplaceAll(m[2], `\\`, `\`)), &a.Details))
		seen[a.Type] = true
		switch a.Type {
		case "BackupFailed":
			text := a.explain()
			if !strings.Contains(text, "Failed to execute the command. Backing up") || !strings.Contains(text, "404 - Not Found") || !strings.Contains(text, "MemoFailedToDiscoverFesUri") {
				t.Errorf("explained as %q", text)
			}
			if a.Details.ResourceID.Lower() != "3b9187d6-0853-45ff-aab0-0c68cd643068" || a.Details.FinishTime.Unix() != 1760520707 {
				t.Errorf("details %+v", a.Details)
			}
		case "BackupStatusUnknown":
			run, ok := missed(&a)
			if !ok || run.Result != exporters.Missed || !strings.Contains(run.Error, "offline") {
				t.Errorf("%+v, %v", run, ok)
			}
		}
	}
	for _, kind := range []string{"BackupFailed", "BackupStatusUnknown", "BackupCanceled", "EDRIncidentDetected"} {
		if !seen[kind] {
			t.Errorf("no %s among the records", kind)
		}
	}
}

func TestPublishedAlertOfADatabase(t *testing.T) {
	raw, err := os.ReadFile(filepath.Join(samples(t, "acronis"), "openapi/alert_NoBackupForXDays_create_example.json"))
	sourcetest.Check(t, err)
	var a alert
	sourcetest.Check(t, json.Unmarshal(raw, &a))
	if a.Details.PlanName != "Acme SQL to Cloud storage" || !strings.HasPrefix(a.Details.ResourceName, "mssql://") {
		t.Errorf("%+v", a.Details)
	}
	if _, ok := missed(&a); ok {
		t.Error("an alert about missing backups is no missed run: the product raises it when it likes")
	}
}

func TestPublishedUnauthorizedPage(t *testing.T) {
	raw, err := os.ReadFile(filepath.Join(samples(t, "acronis"), "openapi/alerts_list.401.html"))
	sourcetest.Check(t, err)
	var p page[alert]
	if err := json.Unmarshal(raw, &p); err == nil {
		t.Error("an HTML page was read as a listing")
	}
}
