package inbox

import (
	"strings"
	"testing"
	"time"
)

// What stands in one block says nothing about the next.
func TestBlocks(t *testing.T) {
	rs, err := LoadRules(shippedRules(t))
	check(t, err)
	paris, err := time.LoadLocation("Europe/Paris")
	check(t, err)
	const head = "From: a@b.example\nDate: Tue, 10 Mar 2026 06:00:00 +0100\n"
	task := func(sentence, start string) string { return sentence + "\nStart Time: " + start + "\n\n" }
	job := func(day, rows string) string {
		return "<table><tr><td>" + day + "</td></tr>" + rows + "</table>"
	}
	row := func(machine, state, start, end, size string) string {
		return "<tr><td>" + strings.Join([]string{machine, state, start, end, size, "0 B", "0 B", "0:01:00", ""}, "</td><td>") + "</td></tr>"
	}
	for name, c := range map[string]struct {
		mail, want, unread string
	}{
		"two tasks of a NAS": {"Subject: [NAS] Hyper Backup: report\n\n" + task("Your backup task A has completed.", "Mon, Mar 9 2026 01:00:00") + task("Your backup task B has failed.", "Mon, Mar 9 2026 02:00:00"),
			"A success 03-09 01:00, B failed 03-09 02:00", ""},
		"the second without a start": {"Subject: [NAS] Hyper Backup: report\n\n" + task("Your backup task A has completed.", "Mon, Mar 9 2026 01:00:00") + "Your backup task B has failed.\n",
			"A success 03-09 01:00, B failed -", ""},
		"the same said twice": {"Subject: [NAS] Hyper Backup: report\n\n" + strings.Repeat(task("Your backup task A has completed.", "Mon, Mar 9 2026 01:00:00"), 2),
			"A success 03-09 01:00", ""},
		"two states of one machine": {"Subject: Windows Server Backup on SRV\n\nLastBackupTime: 3/9/2026 9:00:00 PM\nLastBackupResultHR: 0\n\nLastBackupTime: 3/8/2026 9:00:00 PM\nLastBackupResultHR: 1\n",
			"Windows Server Backup success -", "a second block tells of the job"},
		"two tables of two days": {"Subject: [Failed] Nightly (2 VMs)\nContent-Type: text/html\n\n" + job("lundi 9 mars 2026 22:00:12", row("A", "Failed", "23:00:00", "23:30:00", "1 GB")) + job("dimanche 8 mars 2026 22:00:12", row("B", "Success", "23:00:00", "23:30:00", "1 GB")),
			"Nightly failed 03-09 23:00, Nightly success 03-08 23:00", ""},
		"a size that nobody can read": {"Subject: [Failed] Nightly (2 VMs)\nContent-Type: text/html\n\n" + job("lundi 9 mars 2026 22:00:12", row("A", "Failed", "23:00:00", "23:30:00", "all of it")+row("B", "Success", "23:00:00", "23:30:00", "1 GB")),
			"Nightly failed 03-09 23:00, Nightly success 03-09 23:00", ""},
		"a machine that was never begun": {"Subject: [Failed] Nightly (2 VMs)\nContent-Type: text/html\n\n" + job("lundi 9 mars 2026 22:00:12", row("A", "Failed", "", "", "")+row("B", "Success", "23:00:00", "23:30:00", "1 GB")),
			"Nightly failed -, Nightly success 03-09 23:00", ""},
		"a failure of the whole, and of no machine": {"Subject: [Failed] Nightly (1 VMs)\nContent-Type: text/html\n\n" + job("lundi 9 mars 2026 22:00:12", row("B", "Success", "23:00:00", "23:30:00", "1 GB")),
			"Nightly success 03-09 23:00, Nightly failed -", ""},
		"a bad name beside a good one": {"Subject: [Failed] Nightly (2 VMs)\nContent-Type: text/html\n\n" + job("lundi 9 mars 2026 22:00:12", row("A was failed", "Failed", "23:00:00", "23:30:00", "1 GB")+row("B", "Success", "23:00:00", "23:30:00", "1 GB")),
			"Nightly success 03-09 23:00", "the name of the machine holds the result"},
	} {
		m := read(t, head+c.mail)
		v := rs.Read(&m, m.Date)
		var got []string
		for _, r := range v.Readings {
			at := "-"
			if !r.Report.Started.IsZero() {
				at = r.Report.Started.Time.In(paris).Format("01-02 15:04")
			}
			got = append(got, r.Report.Plan+" "+r.Report.Result+" "+at)
		}
		unread := strings.Join(v.Unread, "; ")
		if strings.Join(got, ", ") != c.want || (unread == "") != (c.unread == "") || !strings.Contains(unread, c.unread) {
			t.Errorf("%s: got  %q unread %q (%s)\nwant %q", name, got, unread, v.Problem, c.want)
		}
	}
}

// A mail of which one row cannot be read has its other results, waits in the
// list, and its last row is read by better rules.
func TestMailThatIsReadInPart(t *testing.T) {
	b := mailboxBench(t, func(b *bench) {
		b.write("rules.yml", tableRules)
		b.write("example.eml", strings.Replace(tableHead, "%d", "1", 1)+"A\tok\t22:00\t00:10\t1 KB\n")
	})
	b.deliver(strings.Replace(tableHead, "%d", "2", 1) + "A 9/3/2026\tok\t22:00\t22:10\t1 KB\nB\tko\t22:00\t22:10\t1 KB\n")
	b.refresh()
	if j := b.job("B"); j.Failures != 1 || b.jobs() != 1 {
		t.Errorf("%+v", j)
	}
	if m := b.unsorted(1)[0]; !strings.Contains(m.Problem, "not read: the name of the machine holds the day") {
		t.Errorf("%+v", m)
	}
	if n := b.poller.View().UnknownValues["row"]; n != 1 {
		t.Errorf("%d rows counted", n)
	}
	b.restart()
	b.refresh()
	b.write("rules.yml", strings.Replace(tableRules, "    results:", "    drop: [' {instant}$']\n    results:", 1))
	b.restart()
	b.refresh()
	b.unsorted(0)
	if j := b.job("B"); j.Failures != 1 || b.jobs() != 2 {
		t.Errorf("%d jobs, %+v", b.jobs(), j)
	}
}
