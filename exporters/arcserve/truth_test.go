package arcserve

import (
	"strings"
	"testing"
	"time"
)

// A plan that the configuration does not name never becomes the customer that
// it names, though the plan is called like it.
func TestNamesakeOfAConfiguredCustomer(t *testing.T) {
	b := newDBBench(t, func(c *Config) {
		c.Customer, c.CustomerName = "", ""
		c.Customers = map[string]string{daily: "machines-virtuelles-ete"}
	})
	b.ran(1, 0, 1, daily)
	b.ran(3, 3, 1, virtual)
	b.Refresh()
	if j := b.Job("SRV-COMPTABILITÉ"); j.Customer != "machines-virtuelles-ete" {
		t.Errorf("customer %q", j.Customer)
	}
	if j := b.Job("VM Messagerie"); j.Customer != "machines-virtuelles-ete-"+strings.ToLower(virtual) {
		t.Errorf("the namesake is customer %q", j.Customer)
	}
}

// One published script reads the ends of jobs in UTC, another one on the console's clock.
func TestJobsOnTheConsolesClock(t *testing.T) {
	paris, err := time.LoadLocation("Europe/Paris")
	if err != nil {
		t.Fatal(err)
	}
	s := &service{config: &Config{location: paris, BackupJobTypes: []int{0, 3}}}
	rec := map[string]string{"jobid": "7", "jobtype": "0", "jobstatus": "Failed", "nodename": "SRV-AD", "joblocalstartdate": "2026-10-25T02:50:00", "joblocalenddate": "2026-10-25T02:20:00"}
	r := s.rowOf(rec)
	if got := []string{r.start.UTC().Format(time.RFC3339), r.end.UTC().Format(time.RFC3339)}; got[0] != "2026-10-25T00:50:00Z" || got[1] != "2026-10-25T01:20:00Z" {
		t.Errorf("%v", got)
	}
	rec["jobutcenddate"], rec["joblocalstartdate"] = "2026-10-25T01:20:00Z", "yesterday"
	if r := s.rowOf(rec); r.end.UTC().Format(time.RFC3339) != "2026-10-25T01:20:00Z" || !r.start.Bad || !r.start.IsZero() {
		t.Errorf("%+v", r)
	}
}
