package main

import (
	"runtime/debug"
	"runtime/metrics"
)

const (
	// gcPercent trades processor time for memory: what the exporter holds is
	// long-lived, and doubling it before each collection buys nothing.
	gcPercent = 25
	// memoryFloor is what a fleet of a hundred thousand machines may take
	// before collections become more frequent than that.
	memoryFloor = 256 << 20
	// leftOver is how much room that nothing uses goes back to the system at
	// once: a full reading leaves a multiple of what is kept of it.
	leftOver = 32 << 20
)

// paceMemory sets how memory is collected, unless the environment does. A soft
// limit keeps the peaks of a full reading down; it grows with what is really
// held, since one below that would spend all processor time on collecting.
func paceMemory(env func(string) string) {
	if env("GOGC") != "" || env("GOMEMLIMIT") != "" {
		return
	}
	read := []metrics.Sample{{Name: "/gc/heap/live:bytes"}, {Name: "/memory/classes/heap/free:bytes"}}
	metrics.Read(read)
	live := int64(read[0].Value.Uint64())
	debug.SetGCPercent(gcPercent)
	debug.SetMemoryLimit(max(memoryFloor, live/4*5))
	if unused := int64(read[1].Value.Uint64()); unused > max(leftOver, live/4) {
		debug.FreeOSMemory()
	}
}
