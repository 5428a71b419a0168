// Package availability measures how long a service was down, from what its
// probes said, within the hours in which its service is guaranteed (S2.29).
//
// A [Sample] is one look of one probe. It speaks until the probe's next one, but
// no longer than a sample lasts: what nobody looked at is unknown, and counts
// neither as up nor as down. [Watch] makes [Stretch]es of several probes' samples,
// [Terms.Measure] adds up those of a period.
//
// The package is pure: the same samples, hours and period give the same figures.
package availability
