package pbssim_test

import (
	"testing"

	former "vigie/exporters/proxmoxbackup/pbssim"
	"vigie/exporters/proxmoxbackup/proxmoxbackupsim"
)

// What is made under the former name is the same thing.
func TestFormerName(t *testing.T) {
	var s *proxmoxbackupsim.Sim = former.New(former.Options{Secret: "s"})
	if s.AddStore("main", 2, 1); s.Requests("task_logs") != 0 {
		t.Error("a new server was asked already")
	}
}
