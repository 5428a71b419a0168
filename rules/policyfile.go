package rules

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"vigie/rules/calendar"
	"vigie/rules/strict"
)

// The shapes of a policy file. They mirror what admins write; policyload.go
// turns them into a [Policy].
type (
	policyDoc struct {
		strict.Position
		Schema            int                    `yaml:"schema"`
		Policy            string                 `yaml:"policy"`
		EffectiveFrom     time.Time              `yaml:"effective_from"`
		Title             Text                   `yaml:"title"`
		Timezone          string                 `yaml:"timezone"`
		Hold              *time.Duration         `yaml:"hold"`
		MaintenanceNotice *time.Duration         `yaml:"maintenance_notice"`
		TracesInclude     []string               `yaml:"traces_include"`
		Calendars         map[string]calendarDoc `yaml:"calendars"`
		Roles             map[string]roleDoc     `yaml:"roles"`
		Digest            *digestDoc             `yaml:"digest"`
		Causes            map[string]causeDoc    `yaml:"causes"`
		Guarantees        []guaranteeDoc         `yaml:"guarantees"`
		Correlations      []correlationDoc       `yaml:"correlations"`
		Scenarios         []scenarioDoc          `yaml:"scenarios"`
	}

	digestDoc struct {
		strict.Position
		At       *calendar.Clock `yaml:"at"`
		Calendar string          `yaml:"calendar"`
		To       []string        `yaml:"to"`
		Cc       []string        `yaml:"cc"`
	}

	calendarDoc struct {
		strict.Position
		Description    string                 `yaml:"description"`
		Timezone       string                 `yaml:"timezone"`
		WeeklyWindows  map[string][][2]string `yaml:"weekly_windows"`
		PublicHolidays string                 `yaml:"public_holidays"`
		DateExceptions map[string][][2]string `yaml:"date_exceptions"`
	}

	roleDoc struct {
		strict.Position
		People    []string `yaml:"people"`
		Rota      string   `yaml:"rota"`
		Field     string   `yaml:"field"`
		Otherwise string   `yaml:"otherwise"`
		Outside   bool     `yaml:"outside"`
	}

	causeDoc struct {
		strict.Position
		Text        Text     `yaml:"text"`
		Integrity   bool     `yaml:"integrity"`
		Customer    bool     `yaml:"customer"`
		MinSeverity string   `yaml:"at_least"`
		Alerts      []string `yaml:"alerts"`
		Match       []string `yaml:"match"`
	}

	guaranteeDoc struct {
		strict.Position
		Level    string `yaml:"level"`
		Calendar string `yaml:"calendar"`
		Text     Text   `yaml:"text"`
	}

	correlationDoc struct {
		strict.Position
		Name      string            `yaml:"name"`
		Match     []string          `yaml:"match"`
		Within    time.Duration     `yaml:"within"`
		Machines  int               `yaml:"machines"`
		Customers int               `yaml:"customers"`
		Share     string            `yaml:"share"`
		Same      []string          `yaml:"same"`
		Raises    map[string]string `yaml:"raises"`
		Marks     bool              `yaml:"marks_members"`
	}

	scenarioDoc struct {
		strict.Position
		Name        string          `yaml:"name"`
		Like        string          `yaml:"like"`
		Title       Text            `yaml:"title"`
		Match       []string        `yaml:"match"`
		Identity    []string        `yaml:"identity"`
		Joins       []string        `yaml:"joins"`
		Calendar    string          `yaml:"calendar"`
		EndedBy     string          `yaml:"ended_by"`
		Reopens     *delayDoc       `yaml:"reopens_within"`
		Severity    *severityDoc    `yaml:"severity"`
		Immediate   *immediateDoc   `yaml:"immediate"`
		OtherBackup *otherDoc       `yaml:"other_backup"`
		Handled     *handledDoc     `yaml:"handled"`
		Calls       *callsDoc       `yaml:"calls"`
		Gate        []string        `yaml:"refused_while_other_backup_unknown"`
		NeedsCause  bool            `yaml:"resolve_needs_cause"`
		Blinds      bool            `yaml:"blinds"`
		Ignores     string          `yaml:"ignores"`
		Absence     bool            `yaml:"absences_move_appointments"`
		Targets     namedTargetDocs `yaml:"targets"`
		Steps       []stepDoc       `yaml:"steps"`
	}

	severityDoc struct {
		strict.Position
		Label   string            `yaml:"label"`
		Alerts  map[string]string `yaml:"alerts"`
		Default string            `yaml:"default"`
		Order   []string          `yaml:"order"`
	}

	immediateDoc struct {
		strict.Position
		Alerts   []string      `yaml:"alerts"`
		Within   time.Duration `yaml:"within"`
		Calendar string        `yaml:"calendar"`
	}

	otherDoc struct {
		strict.Position
		Every    time.Duration `yaml:"ask_every"`
		NoneIsKO bool          `yaml:"none_is_ko"`
	}

	handledDoc struct {
		strict.Position
		Told string   `yaml:"told"`
		Acts []string `yaml:"and_one_act_of"`
	}

	callsDoc struct {
		strict.Position
		Outcomes   []string       `yaml:"outcomes"`
		Reached    []string       `yaml:"reached"`
		FollowUp   int            `yaml:"follow_up_days"`
		Clock      calendar.Clock `yaml:"clock"`
		Tries      int            `yaml:"tries"`
		RetryAfter int            `yaml:"retry_after_service_days"`
	}

	targetDoc struct {
		strict.Position
		From       string              `yaml:"from"`
		Within     *delayDoc           `yaml:"within"`
		Calendar   string              `yaml:"calendar"`
		AtLeast    *delayDoc           `yaml:"at_least"`
		BySeverity map[string]delayDoc `yaml:"by_severity"`
		MetBy      []string            `yaml:"met_by"`
		OnlyIf     []string            `yaml:"only_if"`
		LateBelow  *delayDoc           `yaml:"late_below"`
		Pausable   *bool               `yaml:"pausable"`
	}

	stepDoc struct {
		strict.Position
		Name      string      `yaml:"name"`
		Template  string      `yaml:"template"`
		Channel   string      `yaml:"channel"`
		When      triggerDocs `yaml:"when"`
		OnlyIf    []string    `yaml:"only_if"`
		Unless    []string    `yaml:"unless"`
		Rests     []string    `yaml:"rests_while"`
		To        []string    `yaml:"to"`
		Cc        []string    `yaml:"cc"`
		Trace     bool        `yaml:"trace"`
		Task      string      `yaml:"task"`
		Repeat    *delayDoc   `yaml:"then_every"`
		Between   *betweenDoc `yaml:"leaves_between"`
		Raises    []Flag      `yaml:"raises"`
		State     State       `yaml:"state"`
		DropActor bool        `yaml:"not_to_the_actor"`
		Per       string      `yaml:"per"`
		Missing   *missingDoc `yaml:"if_nobody"`
		AtOnce    bool        `yaml:"at_once"`
		Each      bool        `yaml:"each_time"`
	}

	missingDoc struct {
		strict.Position
		Template string   `yaml:"template"`
		To       []string `yaml:"to"`
		Cc       []string `yaml:"cc"`
	}

	betweenDoc struct {
		strict.Position
		Calendar string `yaml:"calendar"`
		From     string `yaml:"from"`
		Until    string `yaml:"until"`
	}

	triggerDoc struct {
		strict.Position
		At          string            `yaml:"at"`
		Plus        *delayDoc         `yaml:"plus"`
		Act         string            `yaml:"act"`
		If          map[string]string `yaml:"if"`
		Flag        string            `yaml:"flag"`
		Before      string            `yaml:"before"`
		By          *delayDoc         `yaml:"by"`
		BreachOf    string            `yaml:"breach_of"`
		ShareOf     string            `yaml:"share_of"`
		Percent     int               `yaml:"percent"`
		OnDayOf     string            `yaml:"on_day_of"`
		Clock       *calendar.Clock   `yaml:"clock"`
		DaysAfter   string            `yaml:"days_after"`
		Days        *int              `yaml:"days"`
		ServiceDays *int              `yaml:"service_days"`
		EachOpening string            `yaml:"each_opening"`
		Calendar    string            `yaml:"calendar"`
		Unless      []string          `yaml:"unless"`
		HoldWhile   []string          `yaml:"hold_while"`
		HoldUntil   *calendar.Clock   `yaml:"at_the_latest"`
	}
)

// triggerDocs reads one trigger or a list of them.
type triggerDocs []triggerDoc

func (t *triggerDocs) UnmarshalStrict(n *yaml.Node, d *strict.Decoder) error {
	path := d.Path()
	if n.Kind == yaml.MappingNode {
		var one triggerDoc
		d.Into(n, &one, path)
		*t = triggerDocs{one}
		return nil
	}
	var many []triggerDoc
	d.Into(n, &many, path)
	*t = many
	return nil
}

// namedTargetDocs keeps the order of the file, which decides the order of
// breaches at one instant.
type namedTargetDocs []namedTargetDoc

type namedTargetDoc struct {
	name string
	doc  targetDoc
}

func (t *namedTargetDocs) UnmarshalStrict(n *yaml.Node, d *strict.Decoder) error {
	path := d.Path()
	if n.Kind != yaml.MappingNode {
		return fmt.Errorf("expected target names with their delays below them")
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		name := n.Content[i].Value
		for _, known := range *t {
			if known.name == name {
				d.Fault(n.Content[i], path, "target %q stands twice: keep one", name)
			}
		}
		var doc targetDoc
		d.Into(n.Content[i+1], &doc, path+"."+name)
		*t = append(*t, namedTargetDoc{name, doc})
	}
	return nil
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
