package receiver

import (
	"context"
	"maps"
	"time"

	"vigie/receiver/store"
	"vigie/rules"
	"vigie/rules/incident"
)

// Report is a failing state as a person tells it.
type Report struct {
	Kind     rules.SignalKind
	Labels   rules.Labels // platform, customer, severity, scope ...
	By       string       // who reports
	TypedBy  string       // who entered it, when that is somebody else
	Means    string       // phone, mail or sms
	Text     string
	Received time.Time // when it was received; zero is now
	// ID identifies the report, so that sending it twice reports once.
	ID string
}

// Report takes in a person's report and returns the incident it belongs to.
func (i *intake) Report(ctx context.Context, r Report) (rules.Incident, error) {
	now := i.now()
	s := rules.Signal{Kind: r.Kind, Fingerprint: "report:" + r.ID, Labels: maps.Clone(r.Labels), StartsAt: r.Received,
		By: r.By, Means: r.Means, Text: r.Text, Annotations: map[string]string{}}
	// One person is one reporter, by whatever name.
	if known := i.Book().Directory.Person(r.By); known != nil {
		s.By = known.ID
	} else {
		s.Unregistered = true
	}
	if r.TypedBy != "" && r.TypedBy != s.By {
		s.Annotations["typed_by"] = r.TypedBy
	}
	if !s.IsReport() {
		return rules.Incident{}, incident.Refuse(422, "kind {quoted} is not one of {known}", "quoted", string(r.Kind), "known",
			string(rules.Level2Voluntary+", "+rules.Level3Emergency+", "+rules.EmergencyMeans+", "+rules.UserAssistance)).About("kind")
	}
	if s.StartsAt.IsZero() {
		s.StartsAt = now
	}
	if c := i.Book().Classify(s, now); c.Instead != nil {
		if err := i.Receive(ctx, Alerts{Fired: []rules.Signal{*c.Instead}, Confirmed: true}); err != nil {
			return rules.Incident{}, err
		}
		return rules.Incident{}, c.Refusal
	}
	var inc rules.Incident
	err := i.store.Update(ctx, func(tx *store.Tx) error {
		b := i.batch(tx, now)
		t, err := b.fire(s, true)
		if err != nil {
			return err
		}
		if t == nil {
			return incident.Refuse(422, "no incident is kept for such a report at the moment")
		}
		if err := b.Flush(); err != nil {
			return err
		}
		inc = t.Incident
		return nil
	})
	if err != nil {
		return rules.Incident{}, err
	}
	return inc, nil
}
