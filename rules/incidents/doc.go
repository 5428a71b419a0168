// Package incidents finds the incident that a signal belongs to, applies what
// happens to it, and lets the others that this touches follow. It is what the
// server and the simulator share: they differ in where incidents lie (a [Store])
// and where time comes from, in nothing else. Like the rules it is pure: it
// takes the instant with everything else.
package incidents
