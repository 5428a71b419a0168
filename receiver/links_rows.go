package receiver

import (
	"context"
	"slices"

	"vigie/receiver/link"
	"vigie/receiver/store"
	"vigie/rules/incident"
	"vigie/rules/model"
)

// openRows reads a link that is about all rows of its mail.
func (e *Engine) openRows(ctx context.Context, g link.Grant, wanted []string, age error) (Opened, error) {
	o := Opened{Grant: g, Offers: wanted}
	var ns []incident.Notification
	err := e.store.View(ctx, func(tx *store.Tx) (err error) {
		ns, err = tx.Together(g.Notice)
		return err
	})
	if err != nil {
		return o, err
	}
	for _, n := range ns {
		if slices.ContainsFunc(o.Rows, func(r Opened) bool { return r.Grant.Incident == n.IncidentID }) {
			continue
		}
		row, err := e.opened(ctx, e.live().Links.Grant(n, link.OnlyShows), age)
		if err != nil && (age == nil || len(row.Actors) == 0) {
			return Opened{Grant: g}, err
		}
		o.Rows = append(o.Rows, row)
	}
	if len(o.Rows) == 0 {
		return o, store.ErrNotFound
	}
	o.Incident, o.Actors = o.Rows[0].Incident, o.Rows[0].Actors
	return o, age
}

// Row is one of the rows of a link, as the link of its own for one purpose.
func (e *Engine) Row(ctx context.Context, o Opened, incident, what string) (Opened, error) {
	i := slices.IndexFunc(o.Rows, func(r Opened) bool { return r.Grant.Incident == incident })
	if i < 0 || !slices.Contains(o.Offers, what) {
		return Opened{}, link.ErrForged
	}
	g := o.Rows[i].Grant
	g.Purpose = what
	return e.opened(ctx, g, nil)
}

// FollowRow does to one row of a link what its own link for that purpose does:
// either of them serves once.
func (e *Engine) FollowRow(ctx context.Context, o Opened, id, what, who string, fields model.Labels) (incident.Decision, error) {
	row, err := e.Row(ctx, o, id, what)
	if err != nil {
		return incident.Decision{}, err
	}
	return e.follow(ctx, row, who, fields)
}
