// Package push takes results that machines report themselves: scripts around
// restic, borg, robocopy or wbadmin, and sites that nothing can reach from
// outside. It holds both ends: the Source with its HTTP interface and durable
// store, and the Sender with its spool.
//
// A machine that says nothing is not told apart from one that is switched
// off: nothing here invents a result. The age of the last one is the signal.
package push
