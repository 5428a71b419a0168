// Package pbssim is the former place of [vigie/exporters/proxmoxbackup/proxmoxbackupsim]:
// tests that were written against it go on working.
package pbssim

import "vigie/exporters/proxmoxbackup/proxmoxbackupsim"

// What the simulator is made of.
type (
	Options  = proxmoxbackupsim.Options
	Sim      = proxmoxbackupsim.Sim
	Snapshot = proxmoxbackupsim.Snapshot
	Run      = proxmoxbackupsim.Run
)

// New makes a server without stores.
func New(o Options) *Sim { return proxmoxbackupsim.New(o) }
