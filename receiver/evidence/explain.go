package evidence

import (
	"context"
	"strings"

	"vigie/rules/incident"
)

// Explain completes notifications with the words in which the products explain
// their failures. A source that cannot be asked is told of.
func Explain(ctx context.Context, exporters []Exporter, ns []incident.Notification, failed func(source string, err error)) {
	type question struct{ source, customer string }
	answers := map[question]map[string]Result{}
	for i := range ns {
		f := &ns[i].Data
		for j := range f.Plans {
			row := &f.Plans[j]
			if row.Source == "" || row.JobID == "" {
				continue
			}
			q := question{row.Source, f.Customer}
			if _, asked := answers[q]; !asked {
				answers[q] = map[string]Result{}
				for _, r := range ResultsOf(ctx, exporters, q.source, q.customer, failed) {
					answers[q][r.JobID] = r
				}
			}
			r, known := answers[q][row.JobID]
			if !known {
				continue
			}
			whole(&row.Error, r.Error)
			whole(&f.Error, r.Error)
			if r.AgentLastSeen.After(f.AgentLastSeen) {
				f.AgentLastSeen = r.AgentLastSeen
			}
			if f.NextRun.IsZero() {
				f.NextRun = r.NextRun
			}
		}
	}
}

// whole completes words of which nothing or only the beginning is known.
func whole(known *string, all string) {
	if strings.HasPrefix(all, *known) {
		*known = all
	}
}

// ResultsOf are what all exporters that read a source say of a customer's jobs
// there. An exporter that cannot be asked is told of.
func ResultsOf(ctx context.Context, exporters []Exporter, source, customer string, failed func(source string, err error)) (out []Result) {
	for _, x := range exporters {
		if !x.Reads(source) {
			continue
		}
		rs, err := x.Results(ctx, source, customer)
		if err != nil {
			failed(source, err)
			continue
		}
		for _, r := range rs {
			if r.Source == source {
				out = append(out, r)
			}
		}
	}
	return out
}
