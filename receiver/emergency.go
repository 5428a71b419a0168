package receiver

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"vigie/receiver/store"
	"vigie/rules/incident"
	"vigie/rules/model"
)

const (
	// emergencyWindow is how long the calls of one reporter about one platform
	// count as one report: what follows is kept, and tells nobody again.
	emergencyWindow = 5 * time.Minute
	// keptPerWindow bounds what is kept of such calls within one window.
	keptPerWindow = 100
)

// EmergencyCall is what somebody tells on the emergency entry.
type EmergencyCall struct {
	Platform string // its id or its name
	// Person is a known reporter's id; empty for anybody else.
	Person string
	// Who is how the caller calls himself.
	Who  string
	Text string
}

// Emergency takes in a call on the emergency entry, from whomever it comes. The
// first of a reporter within five minutes is a report of level 3; the others are
// kept with it and tell nobody again.
func (i *intake) Emergency(ctx context.Context, c EmergencyCall) (incident.Incident, error) {
	now := i.now()
	platform := i.platformOf(c.Platform)
	text := strings.TrimSpace(c.Text)
	if text == "" {
		return incident.Incident{}, incident.Refuse(422, "text is missing: say what is wrong").About("text")
	}
	if platform == model.UnknownPlatform {
		text = strings.TrimPrefix(c.Platform+" – "+text, " – ") // as it was told
	}
	by := c.Person
	if by == "" {
		by = model.UnknownReporter
		text = strings.TrimPrefix(c.Who+" – "+text, " – ")
	}
	id := fmt.Sprintf("emergency/%s/%s/%d", platform, by, now.Truncate(emergencyWindow).Unix())
	inc, err := i.Report(ctx, Report{Kind: model.Level3Emergency, Labels: model.Labels{model.LabelPlatform: platform}, By: by, Text: text, ID: id})
	told := slices.ContainsFunc(inc.Reports, func(r model.Signal) bool { return r.Fingerprint == "report:"+id && r.Text == text })
	if err != nil || told || !i.emergencies.MayKeep(now, emergencyWindow, keptPerWindow) {
		return inc, err
	}
	return inc, i.store.Update(ctx, func(tx *store.Tx) error {
		return tx.AppendSystem(incident.Entry{At: now, Kind: "signal", What: string(model.Level3Emergency), Actor: by,
			Reason: "one more call within five minutes, kept with " + inc.ID, Personal: text})
	})
}

// platformOf is the id of a platform that people call by its id or its name.
func (i *intake) platformOf(name string) string {
	name = strings.TrimSpace(name)
	for id, p := range i.Book().Directory.Platforms {
		if strings.EqualFold(id, name) || p.Name != "" && strings.EqualFold(p.Name, name) {
			return id
		}
	}
	return model.UnknownPlatform
}
