package inventory_test

import (
	"slices"
	"testing"

	"vigie/internal/strict"
	"vigie/rules/inventory"
	"vigie/rules/model"
)

// covers: P6. Only what tells of a backup is taken for the primary one where no role is
// said, and only of that the inventory lacks anything.
func TestAMachineAloneIsNoBackup(t *testing.T) {
	dir, err := inventory.Load([]strict.File{{Name: "inventory.yml", Text: []byte("customers: {dupont: {name: Dupont}}\nmachines: [{customer: dupont, name: SRV-AD, class: server}]\n")}})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		labels model.Labels
		role   string
		issues []string
	}{
		{model.Labels{"alertname": "HostOutOfMemory", "machine": "srv-ad"}, "", nil},
		{model.Labels{"alertname": "KubeJobFailed", "machine": "SRV-AD", "kind": "failed"}, "", nil},
		{model.Labels{"alertname": "SlurmJobFailed", "machine": "SRV-AD", "job_id": "4711"}, "", nil},
		{model.Labels{"alertname": "MySQLDown", "machine": "SRV-AD", "engine": "mysql"}, "", nil},
		{model.Labels{"alertname": "DiskFull", "machine": "SRV-NEW", "source": "node"}, "", nil},
		{model.Labels{"alertname": "HostDown", "machine": "SRV-AD", "customer": "nobody"}, "", []string{"unknown_customer"}},
		{model.Labels{"alertname": "BackupFailed", "machine": "SRV-AD"}, "primary", nil},
		{model.Labels{"alertname": "JobBroken", "machine": "SRV-AD", "engine": "veeam", "plan": "Nightly"}, "primary", []string{"backup_role_missing"}},
		{model.Labels{"alertname": "JobBroken", "machine": "SRV-NEW", "source": "veeam-1", "job_id": "7"}, "primary", []string{"unmatched_machine", "machine_class_missing", "backup_role_missing"}},
		{model.Labels{"alertname": "Broken", "machine": "SRV-AD", "backup_role": "local"}, "local", nil},
	} {
		l := c.labels.Clone()
		if l["customer"] == "" {
			l["customer"] = "dupont"
		}
		if got := dir.Canonicalize(l); l["backup_role"] != c.role || !slices.Equal(got, c.issues) {
			t.Errorf("%s: role %q, issues %q; want %q and %q", c.labels, l["backup_role"], got, c.role, c.issues)
		}
	}
}
