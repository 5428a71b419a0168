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
	memoryFloor = 240 << 20
)

// paceMemory sets how memory is collected, unless the environment does. A soft
// limit keeps the peaks of a full reading down; it grows with what is really
// held, since one below that would spend all processor time on collecting.
func paceMemory(env func(string) string) {
	if env("GOGC") != "" || env("GOMEMLIMIT") != "" {
		return
	}
	live := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	metrics.Read(live)
	debug.SetGCPercent(gcPercent)
	debug.SetMemoryLimit(max(memoryFloor, int64(live[0].Value.Uint64())/4*5))
}
