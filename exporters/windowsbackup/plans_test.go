package windowsbackup

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"vigie/exporters"
	"vigie/exporters/sourcetest"
	"vigie/exporters/winevent"
)

// night is what one run writes.
func night(day int, start string, result int, data ...string) []winevent.Event {
	begin := at(fmt.Sprintf("2026-03-%02dT%s:00Z", day, start))
	var out []winevent.Event
	for i, id := range []int{1, result, 14} {
		e := event(id, begin.Add(time.Duration(i)*10*time.Minute).Format(time.RFC3339), data...)
		e.RecordID = uint64(e.Time.Unix())*10 + uint64(i)
		out = append(out, e)
	}
	return out
}

// volumes is VolumesInfo as Windows writes it.
func volumes(names ...string) string {
	var items string
	for _, n := range names {
		items += `<VolumeInfoItem Name="` + n + `" OriginalAccessPath="" State="14" HResult="0" DetailedHResult="0" PreviousState="8" IsCritical="1" IsIncremental="0" BlockLevel="1" HasFiles="0" HasSystemState="0" />`
	}
	return "<VolumeInfo>" + items + "</VolumeInfo>"
}

const policyID = "{9d3c3f0a-6a55-4a4e-8b43-1f1c4e9f7d10}"

// A machine that makes several backups by turns has a job for each: the success of one
// says nothing of another.
func TestBackupsOfOneMachineByTurns(t *testing.T) {
	state, full := []string{"userinputssb", "true"}, []string{"userinputssb", "false"}
	script := func(run int, names ...string) []string {
		return []string{"backuptemplateid", fmt.Sprintf("{4309e1ed-48ed-49a6-8989-7655a5f4%04d}", run), "userinputssb", "false", "volumesinfo", volumes(names...)}
	}
	policy := []string{"backuptemplateid", policyID, "userinputssb", "true", "userinputbmr", "true", "volumesinfo", volumes("C:", "Esp")}
	const good, bad = 4, 5
	for name, c := range map[string]struct {
		nights [][]winevent.Event
		want   string // job, result and failures of each
	}{
		"system state fails, the full backup is good": {[][]winevent.Event{night(9, "19:00", bad, state...), night(9, "20:00", good, full...),
			night(10, "19:00", bad, state...), night(10, "20:00", good, full...)}, "srv success 0, srv/system-state failed 2"},
		"the full backup fails, system state is good": {[][]winevent.Event{night(9, "19:00", good, full...), night(9, "20:00", good, state...),
			night(10, "19:00", bad, full...), night(10, "20:00", good, state...)}, "srv failed 1, srv/system-state success 0"},
		"two scripts of other volumes": {[][]winevent.Event{night(9, "19:00", good, script(1, "C:", "E:")...), night(9, "21:00", good, script(2, "D:")...),
			night(10, "19:00", bad, script(3, "C:", "E:")...), night(10, "21:00", good, script(4, "D:")...)}, "srv failed 1, srv/d success 0"},
		"the policy and a script to another target": {[][]winevent.Event{night(9, "19:00", bad, policy...), night(9, "21:00", good, script(1, "C:", "Esp")...),
			night(10, "19:00", bad, policy...), night(10, "21:00", good, script(2, "C:", "Esp")...)}, "srv failed 2, srv/c-esp success 0"},
		"system state each night, all of it once by hand": {[][]winevent.Event{night(8, "19:00", good, state...), night(9, "19:00", good, state...), night(9, "12:00", good, script(1, "C:", "D:")...), night(10, "19:00", good, state...)},
			"srv success 0, srv/c-d success 0"},
		"system state each night, all of it each week": {[][]winevent.Event{night(1, "12:00", good, script(1, "C:", "D:")...), night(7, "19:00", good, state...), night(8, "12:00", bad, script(2, "C:", "D:")...), night(8, "19:00", good, state...),
			night(9, "19:00", good, state...), night(10, "19:00", good, state...)}, "srv success 0, srv/c-d failed 1"},
		"system state alone": {[][]winevent.Event{night(9, "19:00", bad, state...), night(10, "19:00", good, state...)}, "srv success 0"},
		"a system state by hand clears nothing": {[][]winevent.Event{night(9, "19:00", good, policy...), night(10, "19:00", bad, policy...), night(10, "21:00", good, state...)},
			"srv failed 1, srv/system-state success 0"},
		"a repair by hand that saves all": {[][]winevent.Event{night(9, "19:00", good, policy...), night(10, "19:00", bad, policy...),
			night(10, "21:00", good, "backuptemplateid", "{1}", "userinputssb", "true", "userinputbmr", "true", "volumesinfo", volumes("C:", "Esp", "D:"))}, "srv success 0"},
		"a failure by hand is made good by the next night": {[][]winevent.Event{night(9, "19:00", good, policy...), night(9, "21:00", bad, script(1, "D:")...), night(10, "19:00", good, policy...)}, "srv success 0"},
		"a policy that was made anew with less": {[][]winevent.Event{night(7, "19:00", good, policy...), night(8, "19:00", bad, policy...),
			night(9, "19:00", good, "backuptemplateid", "{2}", "userinputssb", "false", "volumesinfo", volumes("C:")),
			night(10, "19:00", good, "backuptemplateid", "{2}", "userinputssb", "false", "volumesinfo", volumes("C:"))}, "srv success 0"},
		"a script that saves one volume more": {[][]winevent.Event{night(8, "19:00", good, script(1, "C:")...), night(9, "19:00", good, script(2, "C:", "D:")...), night(10, "19:00", bad, script(3, "C:", "D:")...)}, "srv failed 1"},
		"a policy that failed before it came to its volumes": {[][]winevent.Event{night(7, "19:00", good, "backuptemplateid", policyID, "userinputssb", "true", "volumesinfo", volumes("C:")), night(8, "19:00", bad, "backuptemplateid", policyID, "userinputssb", "true"),
			night(9, "19:00", bad, "backuptemplateid", policyID, "userinputssb", "true"), night(10, "19:00", good, "backuptemplateid", policyID, "userinputssb", "true", "volumesinfo", volumes("C:"))}, "srv success 0"},
		"a failure of nobody knows which": {[][]winevent.Event{night(9, "19:00", good, full...), night(9, "20:00", good, state...),
			night(10, "19:00", good, full...), night(10, "20:00", bad), night(10, "22:00", good, full...)}, "srv success 0, srv/system-state failed 1"},
		"as published, with elements": {[][]winevent.Event{night(9, "19:00", good, "systemstatebackup", `<SystemState IsPresent="1" HResult="0" />`), night(9, "20:00", good, "systemstatebackup", `<SystemState IsPresent="0" />`),
			night(10, "19:00", bad, "systemstatebackup", `<SystemState IsPresent="1" />`), night(10, "20:00", good, "systemstatebackup", `<SystemState IsPresent="0" />`)}, "srv success 0, srv/system-state failed 1"},
	} {
		t.Run(name, func(t *testing.T) {
			m := &machine{now: at("2026-03-11T08:00:00Z"), summary: `{"CurrentOperationStatus":0}`}
			for _, n := range c.nights {
				m.events = append(m.events, n...)
			}
			p := poller(t, m, "")
			sourcetest.Check(t, p.Refresh(t.Context()))
			var got []string
			for _, j := range p.View().Jobs {
				got = append(got, fmt.Sprintf("%s %s %d", strings.Replace(j.ID, "srv-compta", "srv", 1), j.LastResult, j.Failures))
			}
			if strings.Join(got, ", ") != c.want {
				t.Errorf("got %v, want %s", got, c.want)
			}
			// Who reads each morning sees the same in the end, but for what he could not know before.
			daily := poller(t, m, "")
			for days := 3; days >= 0; days-- {
				m.now = at("2026-03-11T08:00:00Z").AddDate(0, 0, -days)
				sourcetest.Check(t, daily.Refresh(t.Context()))
			}
			for i, j := range p.View().Jobs {
				if other := daily.View().Jobs[i]; other.ID != j.ID || other.LastResult != j.LastResult || j.Failures > 0 && other.Failures == 0 {
					t.Errorf("each morning %+v, at once %+v", *other, *j)
				}
			}
		})
	}
}

// Windows says when a backup last succeeded, and not which.
func TestLastSuccessOfSeveralBackups(t *testing.T) {
	m := &machine{now: at("2026-03-11T08:00:00Z"), summary: `{"CurrentOperationStatus":"NoOperationInProgress","LastSuccessfulBackupTime":"2026-03-10T20:00:00Z","NextBackupTime":"2026-03-11T19:00:00Z","Schedule":1140}`}
	for day := 8; day <= 10; day++ {
		m.events = append(m.events, night(day, "19:00", 5, "userinputssb", "false")...)
		m.events = append(m.events, night(day, "20:00", 4, "userinputssb", "true")...)
	}
	p := poller(t, m, "")
	sourcetest.Check(t, p.Refresh(t.Context()))
	jobs := p.View().Jobs
	if len(jobs) != 2 || !jobs[0].LastSuccess.IsZero() || !jobs[1].LastSuccess.Equal(at("2026-03-10T20:10:00Z")) || jobs[0].NextRun.IsZero() || !jobs[1].NextRun.IsZero() ||
		jobs[0].ExpectedInterval != 24*time.Hour || jobs[1].ExpectedInterval != 24*time.Hour || jobs[1].Plan != "Windows Server Backup, system state" {
		for _, j := range jobs {
			t.Errorf("%+v", *j)
		}
	}
}

// What a clock starts beside the machine's own backup is late when it stops; of what a
// person starts nobody knows when it is due.
func TestRhythmOfAFurtherBackup(t *testing.T) {
	for name, c := range map[string]struct {
		runs []string
		want time.Duration
	}{
		"each night":                   {[]string{"01 19:00", "02 19:00", "03 19:20", "04 19:00"}, day},
		"each week":                    {[]string{"01 12:00", "08 12:00", "15 12:00"}, 7 * day},
		"each week, once more by hand": {[]string{"01 12:00", "08 12:00", "09 17:00", "15 12:00"}, 7 * day},
		"on work days":                 {[]string{"02 19:00", "03 19:00", "04 19:00", "05 19:00", "06 19:00", "09 19:00"}, 3 * day},
		"at night, an hour later":      {[]string{"01 03:00", "02 03:00", "03 04:00", "04 04:00"}, day},
		"twice":                        {[]string{"01 12:00", "08 12:00"}, exporters.OnDemand},
		"by hand":                      {[]string{"02 09:10", "06 17:00", "12 11:40", "20 14:00"}, exporters.OnDemand},
		"three tries":                  {[]string{"02 09:10", "02 09:40", "02 10:10"}, exporters.OnDemand},
	} {
		m := &machine{now: at("2026-03-21T08:00:00Z"), summary: `{"CurrentOperationStatus":0}`}
		for n := 1; n <= 20; n++ {
			m.events = append(m.events, night(n, "21:00", 4, "backuptemplateid", policyID, "userinputssb", "false", "volumesinfo", volumes("C:"))...)
		}
		for _, run := range c.runs {
			d, hour, _ := strings.Cut(run, " ")
			n, err := strconv.Atoi(d)
			sourcetest.Check(t, err)
			m.events = append(m.events, night(n, hour, 4, "userinputssb", "true")...)
		}
		p := poller(t, m, "")
		sourcetest.Check(t, p.Refresh(t.Context()))
		jobs := p.View().Jobs
		if len(jobs) != 2 || jobs[1].ExpectedInterval != c.want || jobs[0].ExpectedInterval != day {
			t.Errorf("%s: %d jobs", name, len(jobs))
			for _, j := range jobs {
				t.Errorf("%s: %s %v", name, j.ID, j.ExpectedInterval)
			}
		}
	}
}

// Two starts that overlap are two runs, by the ids of their templates.
func TestStartsThatOverlap(t *testing.T) {
	a, b := []string{"backuptemplateid", "{4309E1ED-48ed-49a6-8989-7655a5f4c116}"}, []string{"backuptemplateid", "{6c10d7e7-492c-416f-b548-ad9fb49a6e2c}"}
	events := []winevent.Event{event(1, "2026-03-10T19:00:00Z", a...), event(1, "2026-03-10T19:01:00Z", b...), event(4, "2026-03-10T20:00:00Z", a...), event(14, "2026-03-10T20:00:00Z", a...)}
	runs, since := outcomes(events, at("2026-03-10T21:00:00Z"))
	if len(runs) != 1 || !runs[0].Start.Equal(at("2026-03-10T19:00:00Z")) || !since.Equal(at("2026-03-10T19:01:00Z")) {
		t.Errorf("%+v, running since %v", runs, since)
	}
	runs, since = outcomes(append(events, event(5, "2026-03-10T22:00:00Z", b...)), at("2026-03-10T23:00:00Z"))
	if len(runs) != 2 || runs[1].Result != exporters.Failed || !runs[1].Start.Equal(at("2026-03-10T19:01:00Z")) || !since.IsZero() {
		t.Errorf("%+v, running since %v", runs, since)
	}
}

// Event 5 of a Windows Server 2019 as somebody published it (pastebin TGNFxN0C): as Windows
// writes it, and as a page shows it, with elements.
func TestPublishedEvent(t *testing.T) {
	const info = `<VolumeInfo><VolumeInfoItem Name="Esp" OriginalAccessPath="" State="12" HResult="-2139619042" DetailedHResult="-2147024891" PreviousState="8" IsCritical="1" IsIncremental="0" BlockLevel="1" HasFiles="0" HasSystemState="0" /></VolumeInfo>`
	for _, text := range []string{info, strings.NewReplacer("<", "&lt;", ">", "&gt;").Replace(info)} {
		events, err := winevent.Parse([]byte(`<Event xmlns="http://schemas.microsoft.com/win/2004/08/events/event"><System><Provider Name="Microsoft-Windows-Backup" Guid="{1db28f2e-8f80-4027-8c5a-a11f7f10f62d}"/><EventID>5</EventID><Version>3</Version><Level>2</Level>` +
			`<TimeCreated SystemTime="2019-10-10T00:02:42.902860000Z"/><EventRecordID>254</EventRecordID><Channel>Microsoft-Windows-Backup</Channel></System><EventData><Data Name="BackupTemplateID">{35b3beee-aa12-4d34-9b3d-ce205af27dad}</Data>` +
			`<Data Name="HRESULT">0x8078011e</Data><Data Name="DetailedHRESULT">0x80070005</Data><Data Name="NumOfVolumes">3</Data><Data Name="VolumesInfo">` + text + `</Data></EventData></Event>`))
		sourcetest.Check(t, err)
		all := episodes(events)
		if len(all) != 1 || all[0].saves.stateOnly() || strings.Join(all[0].saves.volumes, " ") != "esp" || all[0].template != "{35b3beee-aa12-4d34-9b3d-ce205af27dad}" || all[0].run().Result != exporters.Failed {
			t.Errorf("%+v", all[0])
		}
	}
}
