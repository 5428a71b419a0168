package alertmanager

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/go-openapi/strfmt"
	"github.com/prometheus/alertmanager/api/v2/client/silence"
	"github.com/prometheus/alertmanager/api/v2/models"

	"vigie/rules"
)

// Silence makes Alertmanager keep a silence and returns it with its id. One that
// runs already with the same matchers by the same person is used again, with the
// end and the comment of this one, so that asking twice makes one silence.
//
// Undo takes back what this call did; it is nil when nothing was changed.
func (c *Client) Silence(ctx context.Context, s rules.Silence) (made rules.Silence, undo func(context.Context) error, err error) {
	s.StartsAt, s.EndsAt = s.StartsAt.UTC().Truncate(time.Millisecond), s.EndsAt.UTC().Truncate(time.Millisecond)
	if _, err := rules.ParseMatchers(s.Matchers); err != nil {
		return s, nil, fmt.Errorf("silence: %w", err)
	}
	old, err := c.running(ctx, s)
	if err != nil {
		return s, nil, err
	}
	if old == nil {
		if s.ID, err = c.put(ctx, s); err != nil {
			return s, nil, err
		}
		return s, func(ctx context.Context) error { return c.expire(ctx, s.ID) }, nil
	}
	s.ID, s.StartsAt = old.ID, old.StartsAt
	if old.EndsAt.Equal(s.EndsAt) && old.Comment == s.Comment {
		return s, nil, nil
	}
	if s.ID, err = c.put(ctx, s); err != nil {
		return s, nil, err
	}
	before := *old
	return s, func(ctx context.Context) error {
		before.ID = s.ID
		_, err := c.put(ctx, before)
		return err
	}, nil
}

// running finds the active silence with the same matchers by the same person.
func (c *Client) running(ctx context.Context, s rules.Silence) (*rules.Silence, error) {
	all, err := c.api.Silence.GetSilences(silence.NewGetSilencesParams().WithContext(ctx))
	if err != nil {
		return nil, fmt.Errorf("silences of alertmanager %s: %w", c.o.Name, err)
	}
	var snap Snapshot
	if err := snap.take(all.Payload); err != nil {
		return nil, err
	}
	want := sorted(s.Matchers)
	for _, known := range snap.Silences {
		if known.By == s.By && slices.Equal(sorted(known.Matchers), want) {
			return &known, nil
		}
	}
	return nil, nil
}

func sorted(matchers []string) []string {
	out := slices.Clone(matchers)
	slices.Sort(out)
	return out
}

// put posts a silence; with an id it changes the one that has it.
func (c *Client) put(ctx context.Context, s rules.Silence) (id string, err error) {
	ms, err := rules.ParseMatchers(s.Matchers)
	if err != nil {
		return "", fmt.Errorf("silence: %w", err)
	}
	body := &models.PostableSilence{ID: s.ID}
	starts, ends := strfmt.DateTime(s.StartsAt), strfmt.DateTime(s.EndsAt)
	body.CreatedBy, body.Comment, body.StartsAt, body.EndsAt = &s.By, &s.Comment, &starts, &ends
	for _, m := range ms {
		op := m.Type.String()
		regex, equal := strings.HasSuffix(op, "~"), !strings.HasPrefix(op, "!")
		body.Matchers = append(body.Matchers, &models.Matcher{Name: &m.Name, Value: &m.Value, IsRegex: &regex, IsEqual: &equal})
	}
	ok, err := c.api.Silence.PostSilences(silence.NewPostSilencesParams().WithContext(ctx).WithSilence(body))
	if err != nil {
		return "", fmt.Errorf("silence in alertmanager %s: %w", c.o.Name, err)
	}
	return ok.Payload.SilenceID, nil
}

func (c *Client) expire(ctx context.Context, id string) error {
	_, err := c.api.Silence.DeleteSilence(silence.NewDeleteSilenceParams().WithContext(ctx).WithSilenceID(strfmt.UUID(id)))
	if err != nil {
		return fmt.Errorf("end silence %s in alertmanager %s: %w", id, c.o.Name, err)
	}
	return nil
}
