package alertmanager

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/go-openapi/strfmt"
	"github.com/prometheus/alertmanager/api/v2/client/silence"
	"github.com/prometheus/alertmanager/api/v2/models"

	"vigie/rules/incident"
	"vigie/rules/model"
)

// Silence makes Alertmanager keep a silence and returns it with its id. One that
// runs already with the same matchers by the same person is used again, with the
// end and the comment of this one, so that asking twice makes one silence; one that
// ends as it begins ends what runs, and has no id where nothing does.
//
// Undo takes back what this call did; it is nil when nothing was changed.
func (c *Client) Silence(ctx context.Context, s incident.Silence) (made incident.Silence, undo func(context.Context) error, err error) {
	s.StartsAt, s.EndsAt = s.StartsAt.UTC().Truncate(time.Millisecond), s.EndsAt.UTC().Truncate(time.Millisecond)
	if _, err := model.ParseMatchers(s.Matchers); err != nil {
		return s, nil, fmt.Errorf("silence: %w", err)
	}
	old, whole, err := c.running(ctx, s)
	if err != nil {
		return s, nil, err
	}
	ends := !s.EndsAt.After(s.StartsAt)
	if ends && old == nil {
		return incident.Silence{}, nil, nil
	}
	if old == nil {
		if s.ID, err = c.put(ctx, s, nil); err != nil {
			return s, nil, err
		}
		return s, func(ctx context.Context) error { return c.expire(ctx, s.ID) }, nil
	}
	s.ID, s.StartsAt = old.ID, old.StartsAt
	if old.EndsAt.Equal(s.EndsAt) && old.Comment == s.Comment {
		return s, nil, nil
	}
	if ends {
		err = c.expire(ctx, s.ID)
	} else {
		s.ID, err = c.put(ctx, s, whole)
	}
	if err != nil {
		return s, nil, err
	}
	before := *old
	return s, func(ctx context.Context) error {
		before.ID = s.ID
		_, err := c.put(ctx, before, whole)
		return err
	}, nil
}

// fields are a silence as Alertmanager wrote it, with all that it knows of it.
type fields map[string]json.RawMessage

// running finds the active silence with the same id, or without one that with the same
// matchers by the same person.
// Silences that cannot be read are none of them.
func (c *Client) running(ctx context.Context, s incident.Silence) (*incident.Silence, fields, error) {
	var raw []json.RawMessage
	err := c.each(ctx, "silences", nil, func(text json.RawMessage) { raw = append(raw, text) })
	if err != nil {
		return nil, nil, fmt.Errorf("silences of alertmanager %s: %w", c.o.Name, err)
	}
	want := sorted(s.Matchers)
	for _, text := range raw {
		var g *models.GettableSilence
		var whole fields
		if json.Unmarshal(text, &g) != nil || g == nil || json.Unmarshal(text, &whole) != nil {
			continue
		}
		var snap Snapshot
		snap.addSilences([]*models.GettableSilence{g})
		for _, known := range snap.Silences {
			if s.ID != "" && known.ID == s.ID || s.ID == "" && known.By == s.By && slices.Equal(sorted(known.Matchers), want) {
				return &known, whole, nil
			}
		}
	}
	return nil, nil, nil
}

func sorted(matchers []string) []string {
	out := slices.Clone(matchers)
	slices.Sort(out)
	return out
}

// put posts a silence. With an id it changes the one that has it, of which whole
// keeps what is not ours to change: annotations, and what later versions add.
func (c *Client) put(ctx context.Context, s incident.Silence, whole fields) (id string, err error) {
	body, err := postable(s, whole)
	if err != nil {
		return "", fmt.Errorf("silence: %w", err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.o.URL.JoinPath("api/v2/silences").String(), bytes.NewReader(body))
	if err != nil {
		return "", err
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := c.o.HTTP.Do(req)
	if err != nil {
		return "", fmt.Errorf("silence in alertmanager %s: %w", c.o.Name, err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, 64<<10))
	if err != nil {
		return "", fmt.Errorf("silence in alertmanager %s: %w", c.o.Name, err)
	}
	var ok struct {
		SilenceID string `json:"silenceID"`
	}
	if resp.StatusCode != http.StatusOK || json.Unmarshal(text, &ok) != nil || ok.SilenceID == "" {
		return "", fmt.Errorf("silence in alertmanager %s: it answers %s: %s", c.o.Name, resp.Status, cut(strings.TrimSpace(string(text)), 300))
	}
	return ok.SilenceID, nil
}

func postable(s incident.Silence, whole fields) ([]byte, error) {
	ms, err := model.ParseMatchers(s.Matchers)
	if err != nil {
		return nil, err
	}
	body := &models.PostableSilence{ID: s.ID}
	starts, ends := strfmt.DateTime(s.StartsAt), strfmt.DateTime(s.EndsAt)
	body.CreatedBy, body.Comment, body.StartsAt, body.EndsAt = &s.By, &s.Comment, &starts, &ends
	for _, m := range ms {
		op := m.Type.String()
		regex, equal := strings.HasSuffix(op, "~"), !strings.HasPrefix(op, "!")
		body.Matchers = append(body.Matchers, &models.Matcher{Name: &m.Name, Value: &m.Value, IsRegex: &regex, IsEqual: &equal})
	}
	text, err := json.Marshal(body)
	if err != nil || whole == nil {
		return text, err
	}
	var ours fields
	if err := json.Unmarshal(text, &ours); err != nil {
		return nil, err
	}
	out := maps.Clone(whole)
	delete(out, "status") // Alertmanager's own
	delete(out, "updatedAt")
	maps.Copy(out, ours)
	return json.Marshal(out)
}

func (c *Client) expire(ctx context.Context, id string) error {
	_, err := c.api.Silence.DeleteSilence(silence.NewDeleteSilenceParams().WithContext(ctx).WithSilenceID(strfmt.UUID(id)))
	if err != nil {
		return fmt.Errorf("end silence %s in alertmanager %s: %w", id, c.o.Name, err)
	}
	return nil
}
