package receiver

import (
	"context"
	"maps"
	"time"

	"vigie/receiver/store"
	"vigie/rules/incident"
	"vigie/rules/model"
)

// Report is a failing state as a person tells it.
type Report struct {
	Kind     model.SignalKind
	Labels   model.Labels // platform, customer, severity, scope ...
	By       string       // who reports
	TypedBy  string       // who entered it, when that is somebody else
	Means    string       // phone, mail or sms
	Text     string
	Received time.Time // when it was received; zero is now
	// ID identifies the report, so that sending it twice reports once.
	ID string
}

// Report takes in a person's report and returns the incident it belongs to.
func (i *intake) Report(ctx context.Context, r Report) (incident.Incident, error) {
	now := i.now()
	s := model.Signal{Kind: r.Kind, Fingerprint: "report:" + r.ID, Labels: maps.Clone(r.Labels), StartsAt: r.Received,
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
		return incident.Incident{}, incident.Refuse(422, "kind {quoted} is not one of {known}", "quoted", string(r.Kind), "known",
			string(model.Level2Voluntary+", "+model.Level3Emergency+", "+model.EmergencyMeans+", "+model.UserAssistance)).About("kind")
	}
	if s.StartsAt.IsZero() {
		s.StartsAt = now
	}
	if c := i.Book().Classify(s, now); c.Instead != nil {
		if err := i.Receive(ctx, Alerts{Fired: []model.Signal{*c.Instead}, Confirmed: true}); err != nil {
			return incident.Incident{}, err
		}
		return incident.Incident{}, c.Refusal
	}
	var inc incident.Incident
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
		return incident.Incident{}, err
	}
	return inc, nil
}
