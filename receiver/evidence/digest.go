package evidence

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/common/model"
)

// Count asks for one number; false when there is no such series, which is not
// the same as 0.
func (c *Client) Count(ctx context.Context, query string, now time.Time) (int, bool, error) {
	value, _, _, err := c.api.Query(ctx, query, now)
	if err != nil {
		return 0, false, fmt.Errorf("prometheus: %w", err)
	}
	var v float64
	switch x := value.(type) {
	case model.Vector:
		if len(x) == 0 {
			return 0, false, nil
		}
		if len(x) > 1 {
			return 0, false, fmt.Errorf("%q gives %d series and not one: put count() or sum() around it", query, len(x))
		}
		v = float64(x[0].Value)
	case *model.Scalar:
		v = float64(x.Value)
	default:
		return 0, false, fmt.Errorf("%q gives a %s and not a number", query, value.Type())
	}
	if math.IsNaN(v) || v < 0 || v > 1e9 {
		return 0, false, fmt.Errorf("%q gives %g, which is no number of machines", query, v)
	}
	return int(v), true, nil
}

// Source is a product that backups are read from.
type Source struct {
	Name string
	// Read is when it was last read completely; zero for never.
	Read time.Time
	// Fresh is false when it is down, or was not read lately.
	Fresh bool
}

// Sources returns every source that Prometheus knows, by name.
func (c *Client) Sources(ctx context.Context, now time.Time) ([]Source, error) {
	vector, err := c.query(ctx, fmt.Sprintf(`{__name__=~%q}`, anyOf(sourceUp, refreshedAt)), now)
	if err != nil {
		return nil, err
	}
	all := map[string]*Source{}
	for _, s := range vector {
		name := string(s.Metric["source"])
		if all[name] == nil {
			all[name] = &Source{Name: name, Fresh: true}
		}
		x := all[name]
		switch string(s.Metric[model.MetricNameLabel]) {
		case sourceUp:
			x.Fresh = x.Fresh && s.Value == 1
		case refreshedAt:
			read := time.Unix(int64(s.Value), 0).UTC()
			if x.Read.IsZero() || read.Before(x.Read) {
				x.Read = read
			}
			x.Fresh = x.Fresh && now.Sub(read) <= c.fresh
		}
	}
	out := make([]Source, 0, len(all))
	for _, s := range all {
		s.Fresh = s.Fresh && !s.Read.IsZero()
		out = append(out, *s)
	}
	slices.SortFunc(out, func(a, b Source) int { return strings.Compare(a.Name, b.Name) })
	return out, nil
}

// unsorted is the exporter's count of report mails that no rule reads.
const unsorted = "backup_inbox_unsorted_messages"

// Unsorted returns how many report mails wait for a person, by source, where
// there are any.
func (c *Client) Unsorted(ctx context.Context, now time.Time) (map[string]int, error) {
	vector, err := c.query(ctx, unsorted, now)
	if err != nil {
		return nil, err
	}
	out := map[string]int{}
	for _, s := range vector {
		if s.Value > 0 {
			out[string(s.Metric["source"])] += int(s.Value)
		}
	}
	return out, nil
}
