package incidents

import (
	"errors"
	"strings"

	"vigie/rules/incident"
	"vigie/rules/model"
)

// ErrNotFound matches a question about something that is not there.
var ErrNotFound = errors.New("not found")

// merging refuses to close an incident in favour of one that does not go on, or
// that is another customer's: what fails there would be nobody's any more. The
// other is named by number or id.
func (b *Batch) merging(t *Tracked, ev incident.Event) (refusal *incident.Refusal, err error) {
	a, acted := ev.(incident.Acted)
	if !acted || a.Act.Verb != "merge" {
		return nil, nil
	}
	refuse := func(status int, form string, parts ...string) (*incident.Refusal, error) {
		return incident.Refuse(status, form, parts...).About("into"), nil
	}
	name := a.Act.Fields["into"]
	into, err := b.Load("i" + strings.TrimLeft(name, "#i"))
	switch {
	case errors.Is(err, ErrNotFound):
		return refuse(422, "there is no incident {incident} that could go on", "incident", name)
	case err != nil:
		return nil, err
	case into.ID == t.ID:
		return refuse(422, "an incident cannot be merged with itself")
	case into.State.Ended():
		return refuse(409, "incident {incident} is {state}: name one that goes on", "incident", name, "state", string(into.State))
	}
	here, there := t.Identity[model.LabelCustomer], into.Identity[model.LabelCustomer]
	if here != "" && there != "" && here != there {
		return refuse(409, "incident {incident} is about customer {customer}: name one of the same customer", "incident", name, "customer", there)
	}
	return nil, nil
}
