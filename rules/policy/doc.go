// Package policy is what admins decide once for all incidents: which failures
// there are (scenarios), what must be done by when (targets), who is told what
// and how (steps, roles), and in which hours (calendars). Each noun has one
// file: its meaning, its shape in YAML, and what is checked when it is read.
package policy
