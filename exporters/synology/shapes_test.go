package synology

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"vigie/exporters"
	"vigie/exporters/sourcetest"
)

// answers gives a text by api, method, task and offset; the shortest key that is
// known is taken.
type answers map[string]string

func (a answers) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	_ = r.ParseForm()
	key := r.Form.Get("api") + " " + r.Form.Get("method")
	if id := r.Form.Get("task_id"); id != "" {
		key += " " + id
	}
	if at := r.Form.Get("offset"); at != "" {
		key += " +" + at
	}
	text, ok := a[key]
	if !ok {
		text = `{"success":false,"error":{"code":103}}`
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write([]byte(text))
}

const signIn = `{"success":true,"data":{"sid":"sim-sid","did":"x"}}`

const allAPIs = `{"success":true,"data":{"SYNO.API.Auth":{"path":"entry.cgi","minVersion":1,"maxVersion":7,"requestFormat":"JSON"},
	"SYNO.Backup.Task":{"path":"entry.cgi","minVersion":1,"maxVersion":2},"SYNO.Backup.Target":{"path":"entry.cgi","minVersion":1,"maxVersion":1},
	"SYNO.ActiveBackup.Task":{"path":"entry.cgi","minVersion":1,"maxVersion":2},"SYNO.ActiveBackup.Overview":{"path":"entry.cgi","minVersion":1,"maxVersion":1}}}`

func shapeBench(t *testing.T, a answers, c func(*Config)) *bench {
	t.Helper()
	b := &bench{Bench: sourcetest.New(t, time.Date(2025, 3, 15, 8, 0, 0, 0, time.UTC))}
	a["SYNO.API.Info query"], a["SYNO.API.Auth login"] = allAPIs, signIn
	b.Serve(a)
	b.config = b.newConfig()
	c(b.config)
	b.restart()
	return b
}

// The list of Active Backup for Business as a public Python client quotes it
// (list_tasks of synology-api), with what it says of the codes; a second task that
// only a person starts, and one of which hardly anything is told.
const publishedActive = `{"data":{"has_devices":true,"has_windows_agent":true,"tasks":[
	{"agentless_backup_path":"","allow_manual_backup":true,"backup_type":2,"custom_volume":[],"device_count":1,
	 "devices":[{"agent_can_backup":true,"agent_status":"online","backup_type":2,"device_id":5,"driver_status":null,"host_ip":"192.0.2.63","host_name":"PC-LEA","login_time":1709413493,"os_name":"Windows 11(64-bit)","platform_type":1}],
	 "last_result":{"backup_type":2,"detail_path":"","error_count":0,"job_action":1,"none_count":0,"result_id":593,"status":2,"success_count":0,
	  "task_config":{"device_list":[{"device_id":5,"host_name":"PC-LEA"}]},"task_id":5,"task_name":"PC","time_end":1741946439,"time_start":1741946267,"transfered_bytes":2122801152,"warning_count":0},
	 "last_version_id":163,"next_trigger_time":1742176800,
	 "retention_policy":{"gfs_days":"7","keep_all":false,"keep_versions":10},
	 "sched_content":{"backup_window":"1111","enable_backup_window":false,"is_continuous_paused":false,"repeat_hour":0,"repeat_type":"Weekly","run_hour":3,"run_min":0,"run_weekday":[1,2,3,4,5],"schedule_setting_type":1},
	 "target_status":"online","task_id":5,"task_name":"PC","version_count":2,
	 "versions":[{"data_format":1,"folder_name":"ActiveBackup_2025-03-14_105745","locked":false,"status":3,"time_end":1741946439,"time_start":1741946267,"version_id":163},
	  {"folder_name":"ActiveBackup_2025-03-13_211215","status":3,"time_end":1741901184,"time_start":1741896737,"version_id":162}],
	 "view_type":"","vm_folder":null}],"total":"3"},"success":true}`

const publishedActiveRest = `{"data":{"tasks":[
	{"backup_type":3,"devices":[{"device_id":6,"host_name":"SRV-AD"}],"last_result":null,"next_trigger_time":0,"status":"unscheduled","sched_content":null,"task_id":8,"task_name":"By hand","versions":null},
	{"backup_type":"3","devices":[{"device_id":7,"host_name":"SRV-SQL"}],"status":"waiting","sched_content":{"is_continuous_paused":"true"},"task_id":"9","task_name":"Continuous"}],"total":3},"success":true}`

func TestPublishedActiveBackup(t *testing.T) {
	b := shapeBench(t, answers{"SYNO.ActiveBackup.Task list": publishedActive, "SYNO.ActiveBackup.Task list +1": publishedActiveRest},
		func(c *Config) { c.HyperBackup = nil })
	b.Refresh()
	j := b.job("PC-LEA")
	size, _ := j.LastSize.Get()
	if j.ID != "active/5/5" || j.LastResult != exporters.Success || !j.LastRun.Equal(time.Unix(1741946439, 0)) || size != 2122801152 || j.Class != exporters.Workstation {
		t.Errorf("%+v", j)
	}
	if !j.Enabled || !j.NextRun.Equal(time.Unix(1742176800, 0)) {
		t.Errorf("enabled %v, next %v", j.Enabled, j.NextRun)
	}
	// What nothing starts but a person is owed by nobody, and told when it fails.
	for machine, enabled := range map[string]bool{"SRV-AD": true, "SRV-SQL": false} {
		if j := b.job(machine); j.Enabled != enabled || (j.ExpectedInterval == exporters.OnDemand) != enabled || !j.NextRun.IsZero() || j.LastResult != exporters.Unknown {
			t.Errorf("%s: enabled %v, next %v, %s", machine, j.Enabled, j.NextRun, j.LastResult)
		}
	}
}

// What the same client quotes of the runs of devices (list_device_transfer_size), with a second
// device, of which numbers come as texts, and one without a list.
func TestPublishedRunsOfDevices(t *testing.T) {
	b := shapeBench(t, answers{
		"SYNO.ActiveBackup.Task list": `{"success":true,"data":{"tasks":[{"backup_type":2,"task_id":5,"task_name":"PC","devices":[{"device_id":5,"host_name":"PC-LEA"},{"device_id":6,"host_name":"PC-TOM"},{"device_id":7,"host_name":"PC-EVE"}],
			"last_result":{"error_count":1,"job_action":1,"result_id":593,"status":3,"task_config":{"device_list":[{"device_id":5},{"device_id":6},{"device_id":7}]},"time_end":1741946439,"time_start":1741946267,"transfered_bytes":2122801152,"warning_count":0}}],"total":1}}`,
		"SYNO.ActiveBackup.Overview list_device_transfer_size": `{"success":true,"data":{"device_list":[
			{"device":{"agent_token":"x","backup_type":2,"device_id":5,"host_name":"PC-LEA","login_password":"","vm_moid_path":""},"transfer_list":[
				{"config_device_id":5,"device_name":"PC-LEA","device_result_id":346,"processed_bytes":0,"result_id":591,"status":5,"time_end":1741901184,"time_start":1741896737,"transfered_bytes":482689236992},
				{"config_device_id":5,"device_name":"PC-LEA","device_result_id":347,"processed_bytes":0,"result_id":593,"status":2,"time_end":1741946400,"time_start":1741946267,"transfered_bytes":2122801152}]},
			{"device":{"device_id":"6"},"transfer_list":[{"result_id":"593","status":"4","time_end":"1741946439","time_start":"1741946267","transfered_bytes":"0"}]},
			{"device":{"device_id":7},"transfer_list":null}],"total":3}}`}, func(c *Config) { c.HyperBackup = nil })
	b.Refresh()
	for machine, want := range map[string]exporters.Result{"PC-LEA": exporters.Success, "PC-TOM": exporters.Failed, "PC-EVE": exporters.Failed} {
		if j := b.job(machine); j.LastResult != want {
			t.Errorf("%s: %s, %s", machine, j.LastResult, j.Error)
		}
	}
	if j := b.job("PC-LEA"); !j.LastSuccess.Equal(time.Unix(1741946400, 0)) {
		t.Errorf("success %v", j.LastSuccess)
	}
}

// What a device's own run came to counts over the run of all, also where it has no end
// or a word that nobody knows.
func TestRunsOfDevicesWithoutAnEnd(t *testing.T) {
	b := shapeBench(t, answers{
		"SYNO.ActiveBackup.Task list": `{"success":true,"data":{"tasks":[{"backup_type":2,"task_id":5,"task_name":"PC","devices":[{"device_id":5,"host_name":"PC-LEA"},{"device_id":6,"host_name":"PC-TOM"},{"device_id":7,"host_name":"PC-EVE"}],
			"last_result":{"job_action":1,"result_id":593,"status":2,"task_config":{"device_list":[{"device_id":5},{"device_id":6},{"device_id":7}]},"time_end":1741946439,"time_start":1741946267}}],"total":1}}`,
		"SYNO.ActiveBackup.Overview list_device_transfer_size": `{"success":true,"data":{"device_list":[
			{"device":{"device_id":5},"transfer_list":[{"result_id":593,"status":4,"time_end":0,"time_start":1741946267}]},
			{"device":{"device_id":6},"transfer_list":[{"result_id":593,"status":1,"time_start":1741946267}]},
			{"device":{"device_id":7},"transfer_list":[{"result_id":593,"status":2,"time_end":0,"time_start":1741946267}]}]}}`}, func(c *Config) { c.HyperBackup = nil })
	b.Refresh()
	for machine, want := range map[string]exporters.Result{"PC-LEA": exporters.Failed, "PC-TOM": exporters.Unknown, "PC-EVE": exporters.Success} {
		if j := b.job(machine); j.LastResult != want || j.LastSuccess.IsZero() == (want == exporters.Success) {
			t.Errorf("%s: %s, success %v, %s", machine, j.LastResult, j.LastSuccess, j.Error)
		}
	}
}

// A NAS that answers the same part again is not read as if it had told all.
func TestActiveListWithoutParts(t *testing.T) {
	b := shapeBench(t, answers{"SYNO.ActiveBackup.Task list": publishedActive, "SYNO.ActiveBackup.Task list +1": publishedActive},
		func(c *Config) { c.HyperBackup = nil })
	if err := b.Fails(); exporters.ReasonOf(err) != exporters.ReasonIncomplete {
		t.Errorf("%v", err)
	}
}

// A status of Hyper Backup as two public clients record it (synology_dsm of Home
// Assistant, a Go client's tests on DSM 7): times with and without seconds, counts as
// texts, and the words of results that they know.
func TestPublishedHyperBackup(t *testing.T) {
	list := `{"success":true,"data":{"is_downloading":false,"task_list":[
		{"task_id":1,"name":"C2","state":"backupable","status":"none","target_type":"cloud_image","type":"cloud_image:cloud_image_synocloud"},
		{"task_id":2,"name":"USB","state":"backupable","status":"none"},{"task_id":3,"name":"Damaged","state":"backupable","status":"none"},
		{"task_id":4,"name":"Stopped","state":"backupable","status":"none"},{"task_id":5,"name":"New word","state":"backupable","status":"none"},
		{"task_id":6,"name":"Moved","state":"relinkable","status":"none"}],"total":6}}`
	status := func(id, result, rest string) string {
		return `{"success":true,"data":{"is_modified":false,"last_bkp_end_time":"2025/03/15 01:21:37","last_bkp_error":"","last_bkp_error_code":4401,"last_bkp_result":"` + result +
			`","last_bkp_success_time":"2025/03/14 01:21","last_bkp_time":"2025/03/15 01:20:57","next_bkp_time":"","state":"backupable","status":"none","task_id":` + id + rest + `}}`
	}
	b := shapeBench(t, answers{"SYNO.Backup.Task list": list,
		"SYNO.Backup.Task status 1": status("1", "done", `,"schedule":{"schedule_enable":1}`),
		"SYNO.Backup.Task status 2": status("2", "dest_missing", `,"schedule":{"schedule_enable":true}`),
		"SYNO.Backup.Task status 3": status("3", "cksum_failed", ""),
		"SYNO.Backup.Task status 4": status("4", "discard", `,"schedule":{"schedule_enable":0}`),
		"SYNO.Backup.Task status 5": status("5", "sparkling", `,"schedule":null`),
		"SYNO.Backup.Task status 6": `{"success":true,"data":{"state":"relinkable","status":"none","task_id":6,"last_bkp_result":"done","last_bkp_time":"2025/03/15 01:20:57"}}`,
	}, func(c *Config) { c.ActiveBackup = nil })
	b.Refresh()
	ended := time.Date(2025, 3, 15, 0, 21, 37, 0, time.UTC)
	for plan, want := range map[string]exporters.Result{"C2": exporters.Success, "USB": exporters.Failed, "Damaged": exporters.Failed, "Stopped": exporters.Cancelled,
		"New word": exporters.Unknown, "Moved": exporters.Unknown} {
		j := b.job(plan)
		if j.LastResult != want {
			t.Errorf("%s: %s", plan, j.LastResult)
		}
		if plan != "Moved" && !j.LastRun.Equal(ended) {
			t.Errorf("%s: ended %v", plan, j.LastRun)
		}
		if !j.Enabled || (j.ExpectedInterval == exporters.OnDemand) != (plan == "Stopped") {
			t.Errorf("%s: enabled %v, every %v", plan, j.Enabled, j.ExpectedInterval)
		}
	}
	if !strings.Contains(b.job("USB").Error, "destination") {
		t.Error(b.job("USB").Error)
	}
	if m := b.Metrics(); !strings.Contains(m, `backup_source_unknown_values_total{source="nas-dupont",field="last_bkp_result"} 1`) {
		t.Error("the new word is not counted")
	}
}
