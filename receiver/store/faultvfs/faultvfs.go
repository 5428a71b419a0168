// Package faultvfs gives tests a disk that fails. It is a layer between SQLite
// and the system's files which remembers what a disk would have kept at any
// moment if the power had gone, and which refuses, delays or kills on demand.
//
// SQLite knows one set of layers a process; so does this package. Nothing but
// tests imports it.
package faultvfs

/*
#include <stdlib.h>
#include "faultvfs.h"
*/
import "C"

import (
	"errors"
	"time"
	"unsafe"
)

// Name is what the layer is called in a connection's vfs parameter.
const Name = "fault"

// Register makes the layer known to the SQLite that package store links in. As the default it serves every
// connection that does not name another.
func Register(byDefault bool) error {
	name := C.CString(Name)
	defer C.free(unsafe.Pointer(name))
	var d C.int
	if byDefault {
		d = 1
	}
	if C.fv_register(name, d) != 0 {
		return errors.New("faultvfs: there is no SQLite in this program, or it does not take the layer")
	}
	return nil
}

// Events is how many writes, truncations and ends of syncs there have been.
func Events() uint64 { return uint64(C.fv_events()) }

// Syncs is how many syncs there have been.
func Syncs() uint64 { return uint64(C.fv_syncs()) }

// Failed is how many syncs have failed as they were told to.
func Failed() uint64 { return uint64(C.fv_failed()) }

// CutAfter lets the power go n events from now, before the nth of them. What a
// disk would then have is written into an existing folder; the seed decides
// which of the writes that were not synced are among it. The process itself goes
// on.
func CutAfter(n uint64, dir string, seed uint64) {
	d := C.CString(dir)
	defer C.free(unsafe.Pointer(d))
	C.fv_cut_after(C.uint64_t(n), d, C.uint64_t(seed))
}

// CutNow lets the power go at once, as [CutAfter] says.
func CutNow(dir string, seed uint64) {
	d := C.CString(dir)
	defer C.free(unsafe.Pointer(d))
	C.fv_cut_now(d, C.uint64_t(seed))
}

// CutAt is the event at which the power went, 0 before that. What returned when
// there were fewer events returned before the cut.
func CutAt() uint64 { return uint64(C.fv_cut_at()) }

// Forget ends all faults and forgets all files; one that is still open is in no
// cut any more.
func Forget() { C.fv_forget() }

// FailSync lets that many syncs of files whose name ends so fail. What was
// written before such a sync never reaches the disk, although later syncs
// succeed, as it is with Linux.
func FailSync(suffix string, times int) {
	s := C.CString(suffix)
	defer C.free(unsafe.Pointer(s))
	C.fv_fail_sync(s, C.int(times))
}

// FailWrites lets every write fail, as on a file system that has become
// read-only.
func FailWrites(on bool) {
	var c C.int
	if on {
		c = 1
	}
	C.fv_fail_write(c)
}

// SlowSync delays every sync.
func SlowSync(by time.Duration) { C.fv_slow_sync(C.int(by.Milliseconds())) }

// KillAtSync ends the process with SIGKILL at the nth sync from now, before it
// or, when after, the moment it has succeeded.
func KillAtSync(n int, after bool) {
	var c C.int
	if after {
		c = 1
	}
	C.fv_kill_at_sync(C.int(n), c)
}
