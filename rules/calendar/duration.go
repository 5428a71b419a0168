package calendar

import (
	"errors"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"time"
)

// Unit is what an amount counts, and how its count becomes an instant.
type Unit string

const (
	// BusinessHours are 3600 real seconds each during which the calendar is
	// open and the clock is not paused. Fractions are allowed.
	BusinessHours Unit = "business_hours"

	// BusinessDays lead to the same time of day on the n-th business day after
	// the effective start, or to the closing before it. Pauses are added as
	// the open time they took.
	BusinessDays Unit = "business_days"

	// CloseOfBusinessDay is the last closing of the n-th business day after
	// the calendar date of the start. 0 is "the same day": the closing of the
	// date on which the effective start falls. Pauses are ignored.
	CloseOfBusinessDay Unit = "close_of_business_day"

	// CalendarDaysThenClose is the last closing of the date n calendar days
	// after the start, or of the next business day if that date is none.
	// Pauses are ignored.
	CalendarDaysThenClose Unit = "calendar_days_then_close_of_business_day"
)

func units() []Unit {
	return []Unit{BusinessHours, BusinessDays, CloseOfBusinessDay, CalendarDaysThenClose}
}

func (u Unit) known() bool {
	switch u {
	case BusinessHours, BusinessDays, CloseOfBusinessDay, CalendarDaysThenClose:
		return true
	}
	return false
}

// Pausable reports whether the unit is a stopwatch, which stands still during
// a pause, rather than an appointment.
func (u Unit) Pausable() bool { return u == BusinessHours || u == BusinessDays }

// The longest durations. Either holds some three centuries of open time around
// the clock, the most that a time.Duration can count.
const (
	maxHours = 2_500_000
	maxDays  = 100_000
)

// Duration is a delay: so much of a unit.
type Duration struct {
	Amount Amount `json:"amount" yaml:"amount"`
	Unit   Unit   `json:"unit" yaml:"unit"`

	// AtLeast, in business hours, goes with 0 close_of_business_day only: when
	// less open time is left until that closing, the due instant is the
	// closing of the next business day.
	AtLeast *Duration `json:"at_least,omitempty" yaml:"at_least,omitempty"`
}

// String writes the duration as "2 business_hours".
func (d Duration) String() string {
	text := fmt.Sprintf("%s %s", d.Amount, d.Unit)
	if d.AtLeast != nil {
		text += fmt.Sprintf(" (at least %s)", d.AtLeast)
	}
	return text
}

// Validate finds what is wrong with a duration. Its errors name the key, what
// is wrong and the cure.
func (d Duration) Validate() error {
	if !d.Unit.known() {
		var known []string
		for _, unit := range units() {
			known = append(known, string(unit))
		}
		return fmt.Errorf("unit: unknown unit %q; write one of %s", d.Unit, strings.Join(known, ", "))
	}
	if d.Amount.IsZero() {
		return fmt.Errorf("amount: there is none; write how many %s", d.Unit)
	}
	if err := d.validateAmount(); err != nil {
		return err
	}
	if d.AtLeast == nil {
		return nil
	}
	switch {
	case d.Unit != CloseOfBusinessDay || d.Amount != NewAmount(0):
		return fmt.Errorf("at_least: it goes with 0 %s only; leave it out beside %s %s", CloseOfBusinessDay, d.Amount, d.Unit)
	case d.AtLeast.Unit != BusinessHours:
		return fmt.Errorf("at_least.unit: %q cannot be compared with the time left; write %s", d.AtLeast.Unit, BusinessHours)
	}
	if err := d.AtLeast.Validate(); err != nil {
		return fmt.Errorf("at_least.%w", err)
	}
	return nil
}

func (d Duration) validateAmount() error {
	if n, ok := d.Amount.whole(); ok && 0 < n && n <= maxDays {
		return nil // in range for every unit
	}
	amount := d.Amount.Rat()
	if d.Unit == BusinessHours {
		if amount.Sign() <= 0 || amount.Cmp(big.NewRat(maxHours, 1)) > 0 {
			return fmt.Errorf("amount: %s is out of range; %s are more than 0 and at most %d", d.Amount, d.Unit, maxHours)
		}
		return nil
	}
	least := 1
	if d.Unit == CloseOfBusinessDay {
		least = 0
	}
	if !amount.IsInt() {
		return fmt.Errorf("amount: %s is not whole; days are counted, so write a whole number", d.Amount)
	}
	if amount.Cmp(big.NewRat(int64(least), 1)) < 0 || amount.Cmp(big.NewRat(maxDays, 1)) > 0 {
		return fmt.Errorf("amount: %s is out of range; %s goes from %d to %d", d.Amount, d.Unit, least, maxDays)
	}
	return nil
}

// hours is the amount of a valid number of hours as real time. What is finer
// than a nanosecond is rounded up, so that a positive amount takes time.
func (d Duration) hours() time.Duration {
	if n, ok := d.Amount.whole(); ok && n <= maxHours {
		return time.Duration(n) * time.Hour
	}
	nanoseconds := d.Amount.Rat()
	nanoseconds.Mul(nanoseconds, big.NewRat(int64(time.Hour), 1))
	whole, rest := new(big.Int).QuoRem(nanoseconds.Num(), nanoseconds.Denom(), new(big.Int))
	if rest.Sign() > 0 {
		whole.Add(whole, big.NewInt(1))
	}
	return time.Duration(whole.Int64())
}

// days is the amount of a valid number of days.
func (d Duration) days() int {
	if n, ok := d.Amount.whole(); ok {
		return int(n)
	}
	return int(d.Amount.Rat().Num().Int64())
}

// Pause is a stretch of time, from From until just before To, during which a
// stopwatch stands still. A zero To means that it still does.
type Pause struct {
	From time.Time `json:"from"`
	To   time.Time `json:"to,omitzero"`
}

// mergePauses puts pauses in order and joins those that overlap or touch, so
// that only the last may be without an end.
func mergePauses(pauses []Pause) ([]Pause, error) {
	var merged []Pause
	for i, pause := range pauses {
		switch {
		case pause.From.IsZero():
			return nil, fmt.Errorf("pauses: number %d has no beginning; give it one", i+1)
		case pause.To.IsZero() || pause.To.After(pause.From):
			merged = append(merged, pause)
		case pause.To.Before(pause.From):
			return nil, fmt.Errorf("pauses: number %d ends at %s, before it begins at %s; exchange the two",
				i+1, pause.To.Format(time.RFC3339Nano), pause.From.Format(time.RFC3339Nano))
		}
	}
	slices.SortFunc(merged, func(a, b Pause) int { return a.From.Compare(b.From) })

	kept := merged[:0]
	for _, pause := range merged {
		if len(kept) == 0 {
			kept = append(kept, pause)
			continue
		}
		last := &kept[len(kept)-1]
		switch {
		case last.To.IsZero():
		case pause.From.After(last.To):
			kept = append(kept, pause)
		case pause.To.IsZero():
			last.To = time.Time{}
		default:
			last.To = later(last.To, pause.To)
		}
	}
	return kept, nil
}

var errTooLongPaused = errors.New("pauses: more than 292 years of open time are paused; check their ends")
