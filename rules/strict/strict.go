// Package strict is vigie/internal/strict under the path of before.
package strict

import (
	"time"

	"vigie/internal/strict"
)

// The types of the decoder.
type (
	Decoder  = strict.Decoder
	Fault    = strict.Fault
	Faults   = strict.Faults
	Node     = strict.Node
	Position = strict.Position
	Scalar   = strict.Scalar
)

// Decode is [strict.Decode].
func Decode(file string, text []byte, dst any) error { return strict.Decode(file, text, dst) }

// Nearest is [strict.Nearest].
func Nearest(wrong string, known []string) string { return strict.Nearest(wrong, known) }

// ParseDuration is [strict.ParseDuration].
func ParseDuration(text string) (time.Duration, error) { return strict.ParseDuration(text) }

// ParseTime is [strict.ParseTime].
func ParseTime(text string) (time.Time, error) { return strict.ParseTime(text) }
