package evidence

import (
	"context"
	"fmt"
	"math"
	"time"

	"github.com/prometheus/common/model"

	"vigie/rules/availability"
)

// Probe is what one probe of a platform said.
type Probe struct {
	Name    string // the label probe
	Target  string
	Samples []availability.Sample
}

// Probes returns what the probes of a platform said after one instant, up to
// another: the samples as they were stored, none made up where there are none.
// Series is 1 while a probe is well.
func (c *Client) Probes(ctx context.Context, series, platform string, from, until time.Time) ([]Probe, error) {
	span := until.Sub(from)
	if span <= 0 {
		return nil, nil
	}
	query := fmt.Sprintf(`%s{platform=%q}[%dms]`, series, platform, span.Milliseconds())
	value, _, _, err := c.api.Query(ctx, query, until)
	if err != nil {
		return nil, fmt.Errorf("prometheus: %w", err)
	}
	matrix, ok := value.(model.Matrix)
	if !ok {
		return nil, fmt.Errorf("prometheus answered with a %s, not with a matrix", value.Type())
	}
	out := make([]Probe, 0, len(matrix))
	for _, s := range matrix {
		p := Probe{Name: string(s.Metric["probe"]), Target: string(s.Metric["target"])}
		for _, v := range s.Values {
			if !math.IsNaN(float64(v.Value)) {
				p.Samples = append(p.Samples, availability.Sample{At: v.Timestamp.Time(), Up: v.Value >= 1})
			}
		}
		out = append(out, p)
	}
	return out, nil
}
