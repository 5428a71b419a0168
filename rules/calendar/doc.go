// Package calendar answers one question: at which instant does a delay end,
// when it is measured in working time?
//
// A [Calendar] says when a service is open: a time zone, windows per weekday,
// a rule for public holidays and dated exceptions, in rising order of
// precedence. An instant is open when the wall clock of that zone, at that
// instant, reads a time inside a window of that local date. Everything else
// follows from this sentence, on the days of the clock change too.
//
// A [Duration] is an [Amount] of one of four units. Two are stopwatches,
// business hours and business days, and stand still during a [Pause]; two are
// appointments, which fall at a closing and ignore pauses. [Calendar.Due]
// turns a start and a duration into the due instant, and [DueWithAnchors] does
// so for an incident whose severity changed on the way.
//
// Between a closing and the next opening no working time passes, so both could
// name the same end. A due instant is always the closing, the earlier one.
// Whatever is done at the due instant is done in time.
//
// The package is pure: it reads no clock, no file and no environment, a
// Calendar never changes once built, and the same arguments give the same
// answer on every machine that knows the zone. Programs embed time/tzdata to
// know them all.
package calendar
