package proxmoxbackup

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"vigie/exporters"
	"vigie/exporters/sourcetest"
)

// pages answers each path, with its namespace, with a text.
type pages map[string]string

func (p pages) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	path := strings.TrimPrefix(r.URL.Path, "/api2/json")
	if ns := r.URL.Query().Get("ns"); ns != "" {
		path += "?" + ns
	}
	text, ok := p[path]
	if !ok {
		http.Error(w, "permission check failed", http.StatusForbidden)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write([]byte(text))
}

func shapeBench(t *testing.T, p pages) *bench {
	t.Helper()
	b := &bench{Bench: sourcetest.New(t, time.Date(2026, 3, 10, 7, 0, 0, 0, time.UTC))}
	b.Serve(p)
	b.config = &Config{Address: b.Address(), Owner: exporters.Owner{Customer: "msp"}, TokenID: "vigie@pbs!sim", SecretFile: sourcetest.SecretFile(t, secret)}
	b.restart()
	return b
}

// The forms that the server's published source gives (src/api2/status.rs,
// DataStoreStatusListItem and list_namespaces of version 3.2; mount-status is of
// 3.4): a token that may read one namespace is told neither the size of the
// datastore nor its root, whose snapshots are refused to it; a medium that is taken
// out has no size, and its groups stay as they were.
func TestTokenOfOneNamespace(t *testing.T) {
	p := pages{
		"/status/datastore-usage":           `{"data":[{"store":"shared"},{"store":"usb","mount-status":"notmounted"}]}`,
		"/admin/datastore/shared/namespace": `{"data":[{"ns":"dupont"}]}`,
		"/admin/datastore/shared/snapshots?dupont": `{"data":[
			{"backup-type":"vm","backup-id":"100","backup-time":1773093600,"comment":"srv-ad","files":[{"filename":"drive-scsi0.img.fidx","size":1}],"size":34359738368,"owner":"dupont@pbs!pve","protected":false,
			 "verification":{"state":"ok","upid":"UPID:pbs:0:0:0:0:verify:shared:root@pam:"}},
			{"backup-type":"ct","backup-id":"101","backup-time":1773093700,"files":[],"size":"1024","owner":null,"verification":null}]}`,
		"/nodes/localhost/tasks": `{"data":[
			{"upid":"UPID:pbs:1:1:1:69AF4D20:backup:shared\\x3avm-100:dupont@pbs!pve:","node":"pbs","pid":1,"pstart":1,"starttime":1773093600,"worker_type":"backup","worker_id":"shared:vm/100","user":"dupont@pbs!pve","endtime":1773094200,"status":"OK"},
			{"upid":"UPID:pbs:2:2:2:69AF4D20:backup::dupont@pbs!pve:","node":"pbs","pid":2,"pstart":2,"starttime":1773093600,"worker_type":"backup","worker_id":null,"user":"dupont@pbs!pve"}],"total":2}`,
	}
	b := shapeBench(t, p)
	b.Refresh()
	j := b.job("shared/dupont/vm/100")
	if j.LastResult != exporters.Success || j.Machine != "srv-ad" || !j.LastRun.Equal(time.Unix(1773094200, 0)) {
		t.Errorf("%+v", j)
	}
	if n, _ := b.job("shared/dupont/ct/101").LastSize.Get(); n != 1024 {
		t.Errorf("size %d", n)
	}
	m := b.Metrics()
	for _, line := range []string{`backup_repository_online{source="pbs-lab",customer="msp",repository="shared"} 1`, `backup_repository_online{source="pbs-lab",customer="msp",repository="usb"} 0`} {
		if !strings.Contains(m, line) {
			t.Errorf("no %s", line)
		}
	}
	if strings.Contains(m, "backup_repository_capacity_bytes{") || strings.Contains(m, "backup_repository_free_bytes{") {
		t.Error("a size that nobody told")
	}
	if !strings.Contains(b.Log.String(), "its medium is not mounted") {
		t.Error("nobody says that the medium is not mounted")
	}
}

// The server says of a task that somebody stopped that it was aborted
// (src/api2/backup/mod.rs).
func TestAbortedTask(t *testing.T) {
	b := shapeBench(t, pages{
		"/status/datastore-usage":         `{"data":[{"store":"main","total":"8000000000000","used":1,"avail":3000000000000}]}`,
		"/admin/datastore/main/namespace": `{"data":[{"ns":""}]}`,
		"/admin/datastore/main/snapshots": `{"data":[]}`,
		"/nodes/localhost/tasks": `{"data":[{"upid":"UPID:1","starttime":"1773093600","worker_type":"backup","worker_id":"main:vm/100","user":"root@pam","endtime":1773094200,"status":"task aborted"},
			{"upid":"UPID:2","starttime":1773093600,"worker_type":"backup","worker_id":"main:vm/200","user":"root@pam","endtime":1773094200,"status":"connection error: not connected"}],"total":"2"}`,
	})
	b.Refresh()
	if j := b.job("main/vm/100"); j.LastResult != exporters.Cancelled {
		t.Errorf("aborted: %s", j.LastResult)
	}
	if j := b.job("main/vm/200"); j.LastResult != exporters.Failed {
		t.Errorf("broken: %s", j.LastResult)
	}
	if !strings.Contains(b.Metrics(), `backup_repository_capacity_bytes{source="pbs-lab",customer="msp",repository="main"} 8e+12`) {
		t.Error("no capacity")
	}
}
