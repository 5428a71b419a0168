package policy

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"vigie/internal/strict"
	"vigie/rules/calendar"
)

// Delay is a length of time: elapsed, or in a unit of business time.
type Delay struct {
	Elapsed  time.Duration
	Business *calendar.Duration
	Calendar string
}

// IsZero reports whether no delay was given.
func (d Delay) IsZero() bool { return d.Elapsed == 0 && d.Business == nil }

// String writes a delay as in a policy.
func (d Delay) String() string {
	if d.Business != nil {
		return d.Business.String()
	}
	return d.Elapsed.String()
}

// delayDoc is a length of time: `10m` elapsed, `2 business_hours`,
// `close_of_business_day 0`, or amount and unit as keys.
type delayDoc struct {
	strict.Position
	Delay
}

type delayKeys struct {
	strict.Position
	Amount   string    `yaml:"amount"`
	Unit     string    `yaml:"unit"`
	Calendar string    `yaml:"calendar"`
	AtLeast  *delayDoc `yaml:"at_least"`
	Within   *delayDoc `yaml:"within"`
}

func (x *delayDoc) UnmarshalStrict(n *yaml.Node, d *strict.Decoder) error {
	x.Position = d.Position(n)
	if n.Kind == yaml.ScalarNode {
		delay, err := parseDelay(n.Value)
		x.Delay = delay
		return err
	}
	var k delayKeys
	d.Into(n, &k, d.Path())
	if k.Within != nil {
		x.Delay = k.Within.Delay
	} else {
		delay, err := parseDelay(k.Amount + " " + k.Unit)
		if err != nil {
			return err
		}
		x.Delay = delay
	}
	x.Calendar = k.Calendar
	if k.AtLeast != nil {
		if x.Business == nil || k.AtLeast.Business == nil {
			return fmt.Errorf("at_least needs business units on both sides, as in: within: close_of_business_day 0, at_least: 2 business_hours")
		}
		x.Business.AtLeast = k.AtLeast.Business
		return x.Business.Validate()
	}
	return nil
}

// parseDelay reads a delay written in one value.
func parseDelay(text string) (Delay, error) {
	words := strings.Fields(text)
	if len(words) == 1 {
		elapsed, err := strict.ParseDuration(words[0])
		if err != nil && words[0][0] != '-' {
			return Delay{}, fmt.Errorf("%q is not a delay: write 10m or 24h (elapsed), 2 business_hours, 6 business_days or close_of_business_day 0", text)
		}
		if err != nil {
			return Delay{}, err
		}
		return Delay{Elapsed: elapsed}, nil
	}
	if len(words) != 2 {
		return Delay{}, fmt.Errorf("%q is not a delay: write 10m (elapsed), 2 business_hours, 6 business_days or close_of_business_day 0", text)
	}
	amount, unit := words[0], words[1]
	if _, err := strconv.ParseFloat(amount, 64); err != nil {
		amount, unit = unit, amount
	}
	a, err := calendar.ParseAmount(amount)
	if err != nil {
		return Delay{}, fmt.Errorf("%q: %w", text, err)
	}
	b := calendar.Duration{Amount: a, Unit: unitOf(unit)}
	if err := b.Validate(); err != nil {
		return Delay{}, fmt.Errorf("%q: %w", text, err)
	}
	return Delay{Business: &b}, nil
}

// unitOf also takes the singular, which reads better after 1.
func unitOf(word string) calendar.Unit {
	switch word {
	case "business_hour":
		return calendar.BusinessHours
	case "business_day":
		return calendar.BusinessDays
	}
	return calendar.Unit(word)
}

// positive refuses a delay of zero.
func (x *delayDoc) positive(l *loader, path, example string) {
	if x.IsZero() {
		l.fault(x.Position, path, "the delay is zero: write e.g. %s, or leave the key out", example)
	}
}
