package evidence

import (
	"context"
	"fmt"
	"time"

	prommodel "github.com/prometheus/common/model"

	"vigie/rules/copies"
)

// jobState is recorded by the shipped rules: each job's state, as a label.
const jobState = "backup_job:state"

// Job is a backup job by the names that its product gives it.
type Job struct {
	Customer, Source, ID, Machine string
	copies.Job
}

// Jobs returns the jobs of these customers, with what the rules recorded of them at
// an instant.
func (c *Client) Jobs(ctx context.Context, customers []string, at time.Time) ([]Job, error) {
	vector, err := c.query(ctx, fmt.Sprintf(`%s{customer=~%q}`, jobState, anyOf(customers...)), at)
	if err != nil {
		return nil, err
	}
	var out []Job
	for _, s := range vector {
		label := func(name string) string { return string(s.Metric[prommodel.LabelName(name)]) }
		out = append(out, Job{label("customer"), label("source"), label("job_id"), label("machine"),
			copies.Job{Role: label("backup_role"), Engine: label("engine"), Plan: label("plan"), State: label("state")}})
	}
	return out, nil
}
