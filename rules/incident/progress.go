package incident

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"vigie/rules/model"
)

// Progress is what an episode's acts and steps leave for later ones. A reopened
// incident begins with none.
type Progress struct {
	// Reason and ExpectedDate are a person's newest words; Workaround is what
	// was proposed.
	Reason       string `json:"reason,omitempty"`
	ExpectedDate string `json:"expected_date,omitempty"`
	Workaround   string `json:"workaround,omitempty"`
	// PromisePassed is the expected date that is over and was told.
	PromisePassed string `json:"promise_passed,omitempty"`

	PreviousAssignee string   `json:"previous_assignee,omitempty"`
	OwnerBySilence   string   `json:"owner_by_silence,omitempty"` // who owns it only because of a silence
	SilenceAuthors   []string `json:"silence_authors,omitempty"`  // of those that ended last

	// BeforeUnverified is the state that was left when the alert ended without proof.
	BeforeUnverified model.State `json:"before_unverified,omitempty"`

	// FollowUp is the next look after a call or an answer, CallsMissed how many
	// calls in a row reached nobody.
	FollowUp    time.Time `json:"follow_up,omitzero"`
	CallsMissed int       `json:"calls_missed,omitempty"`

	// NotTheirs are those who said that the machine is not theirs.
	NotTheirs []string `json:"not_theirs,omitempty"`

	// OtherAnswer is what OtherBy says of the machine's other backup.
	OtherAnswer model.EvidenceState `json:"other_answer,omitempty"`
	OtherBy     string              `json:"other_by,omitempty"`
	OtherNote   string              `json:"other_note,omitempty"`
	DoubleTold  string              `json:"double_told,omitempty"` // the step that told of a double failure

	// OnDuty are those of the rota OnDutyRole who were told last.
	OnDuty     []string `json:"on_duty,omitempty"`
	OnDutyRole string   `json:"on_duty_role,omitempty"`

	// RefusedAddress was refused last, RefusedWhat is what of it was; RefusedSeen
	// all that were, in lower case.
	RefusedAddress string   `json:"refused_address,omitempty"`
	RefusedWhat    string   `json:"refused_what,omitempty"`
	RefusedRole    string   `json:"refused_role,omitempty"`
	RefusedSeen    []string `json:"refused_seen,omitempty"`

	Subkind        string    `json:"subkind,omitempty"`     // offline or error
	Outage         string    `json:"outage,omitempty"`      // number of the common failure
	Released       time.Time `json:"released,omitzero"`     // when it was told by itself again, after a common failure
	LookedAgain    time.Time `json:"looked_again,omitzero"` // when it was reopened because it still fired
	ImmediateUntil time.Time `json:"immediate_until,omitzero"`
	WellSince      time.Time `json:"well_since,omitzero"` // when the last probe was well again, while a person must say whether it is solved
	Decommissioned time.Time `json:"decommissioned,omitzero"`

	// Announced is the start of a failure that was reported within announced work,
	// EmergencyDeferred an emergency of which level 3 hears at the end of such work.
	Announced         time.Time `json:"announced,omitzero"`
	EmergencyDeferred bool      `json:"held_emergency,omitempty"`

	// UnconfirmedEndings are endings that are not believed yet, by fingerprint.
	UnconfirmedEndings map[string]time.Time `json:"held_endings,omitempty"`
}

func (p Progress) clone() Progress {
	p.SilenceAuthors, p.OnDuty, p.RefusedSeen = slices.Clip(p.SilenceAuthors), slices.Clip(p.OnDuty), slices.Clip(p.RefusedSeen)
	p.NotTheirs = slices.Clip(p.NotTheirs)
	p.UnconfirmedEndings = maps.Clone(p.UnconfirmedEndings)
	return p
}

// heldEnding begins the name under which the first builds kept a held ending.
const heldEnding = "ending:"

// UnmarshalJSON also reads the form of the first builds, in which every value was
// a text: lists joined by spaces, a missed call an x, a held ending a name of its own.
func (p *Progress) UnmarshalJSON(text []byte) error {
	type plain Progress
	if !bytes.Contains(text, []byte(`"`+heldEnding)) {
		var present plain
		if json.Unmarshal(text, &present) == nil {
			*p = Progress(present)
			return nil
		}
	}
	*p = Progress{}
	var values map[string]json.RawMessage
	if err := json.Unmarshal(text, &values); err != nil {
		return err
	}
	for name, value := range values {
		mended, err := p.old(name, value)
		if err != nil {
			return fmt.Errorf("vars.%s: %w", name, err)
		}
		if mended == nil {
			delete(values, name)
		} else {
			values[name] = mended
		}
	}
	mended, err := json.Marshal(values)
	if err != nil {
		return err
	}
	return json.Unmarshal(mended, (*plain)(p))
}

// old turns a value of the old form into one of the present form; nil for what
// it has taken in itself, or what is empty.
func (p *Progress) old(name string, value json.RawMessage) (json.RawMessage, error) {
	var text string
	if len(value) == 0 || value[0] != '"' {
		return value, nil
	}
	if err := json.Unmarshal(value, &text); err != nil {
		return nil, err
	}
	if text == "" {
		return nil, nil
	}
	switch name {
	case "calls_missed":
		return json.Marshal(len(text))
	case "silence_authors", "on_duty", "refused_seen":
		return json.Marshal(strings.Fields(text))
	}
	if fingerprint, is := strings.CutPrefix(name, heldEnding); is {
		at, err := time.Parse(time.RFC3339Nano, text)
		if err != nil {
			return nil, err
		}
		p.AddUnconfirmed(fingerprint, at)
		return nil, nil
	}
	return value, nil
}

func (p *Progress) AddUnconfirmed(fingerprint string, at time.Time) {
	if p.UnconfirmedEndings == nil {
		p.UnconfirmedEndings = map[string]time.Time{}
	}
	p.UnconfirmedEndings[fingerprint] = at
}
