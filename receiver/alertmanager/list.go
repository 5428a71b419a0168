package alertmanager

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
)

// maxAnswer bounds one answer of Alertmanager in bytes: some hundred thousand alerts.
const maxAnswer = 256 << 20

// errNoSuchList is the answer of an Alertmanager that has no such list.
var errNoSuchList = errors.New("there is no such list")

// list asks for one of the API's lists and reads it element by element: one that
// cannot be read is named in unread, and the others count.
func list[T any](ctx context.Context, c *Client, name string, query url.Values) (all []*T, unread []string, err error) {
	raw, err := c.raw(ctx, name, query)
	if err != nil {
		return nil, nil, fmt.Errorf("%s of alertmanager %s: %w", name, c.o.Name, err)
	}
	for i, text := range raw {
		var x *T
		if err := json.Unmarshal(text, &x); err != nil || x == nil {
			unread = append(unread, fmt.Sprintf("%s, element %d: %v", name, i, orNull(err)))
			continue
		}
		all = append(all, x)
	}
	return all, unread, nil
}

func orNull(err error) error {
	if err == nil {
		return errors.New("it is null")
	}
	return err
}

// raw asks for one of the API's lists.
func (c *Client) raw(ctx context.Context, name string, query url.Values) ([]json.RawMessage, error) {
	u := c.o.URL.JoinPath("api/v2", name)
	u.RawQuery = query.Encode()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Accept", "application/json")
	resp, err := c.o.HTTP.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	switch resp.StatusCode {
	case http.StatusOK:
	case http.StatusNotFound:
		return nil, errNoSuchList
	default:
		return nil, fmt.Errorf("it answers %s", resp.Status)
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	if err != nil {
		return nil, err
	}
	if len(body) > maxAnswer {
		return nil, fmt.Errorf("its answer is larger than %d bytes", maxAnswer)
	}
	var out []json.RawMessage
	return out, json.Unmarshal(body, &out)
}

// news returns what could not be read and was not said before.
func (c *Client) news(unread []string) []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	now, out := map[string]bool{}, []string(nil)
	for _, what := range unread {
		if now[what] = true; !c.named[what] {
			out = append(out, what)
		}
	}
	c.named = maps.Clone(now)
	return out
}
