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

// list asks for one of the API's lists and shows it element by element, as it comes: a
// hundred thousand alerts are never held as text. One that cannot be read is named in
// unread, and the others count.
func list[T any](ctx context.Context, c *Client, name string, query url.Values, show func(*T)) (unread []string, err error) {
	n := 0
	err = c.each(ctx, name, query, func(text json.RawMessage) {
		var x *T
		if err := json.Unmarshal(text, &x); err != nil || x == nil {
			unread = append(unread, fmt.Sprintf("%s, element %d: %v", name, n, orNull(err)))
		} else {
			show(x)
		}
		n++
	})
	if err != nil {
		return nil, fmt.Errorf("%s of alertmanager %s: %w", name, c.o.Name, err)
	}
	return unread, nil
}

func orNull(err error) error {
	if err == nil {
		return errors.New("it is null")
	}
	return err
}

// each asks for one of the API's lists and shows the text of its elements.
func (c *Client) each(ctx context.Context, name string, query url.Values, show func(json.RawMessage)) error {
	u := c.o.URL.JoinPath("api/v2", name)
	u.RawQuery = query.Encode()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return err
	}
	req.Header.Set("Accept", "application/json")
	resp, err := c.o.HTTP.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	switch resp.StatusCode {
	case http.StatusOK:
	case http.StatusNotFound:
		return errNoSuchList
	default:
		return fmt.Errorf("it answers %s", resp.Status)
	}
	limited := &io.LimitedReader{R: resp.Body, N: maxAnswer}
	if err := elements(json.NewDecoder(limited), show); limited.N <= 0 {
		return fmt.Errorf("its answer is larger than %d bytes", maxAnswer)
	} else if err != nil {
		return fmt.Errorf("its answer cannot be read: %w", err)
	}
	return nil
}

// elements shows those of the one list that is there, or null.
func elements(d *json.Decoder, show func(json.RawMessage)) error {
	begin, err := d.Token()
	if err != nil {
		return noEnd(err)
	}
	if begin != nil && begin != json.Delim('[') {
		return fmt.Errorf("it begins with %v and is no list", begin)
	}
	if begin != nil {
		for d.More() {
			var text json.RawMessage
			if err := d.Decode(&text); err != nil {
				return noEnd(err)
			}
			show(text)
		}
		if _, err := d.Token(); err != nil {
			return noEnd(err)
		}
	}
	if _, err := d.Token(); err != io.EOF {
		return errors.New("something follows the list")
	}
	return nil
}

// noEnd says that what was cut short was.
func noEnd(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
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
