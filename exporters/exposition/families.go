package exposition

import (
	"maps"
	"slices"
	"strconv"
	"time"

	"vigie/exporters"
)

// family is one metric of the model. Samples of one family have to stand
// together in the exposition although each source is rendered on its own.
type family struct {
	name, help, kind string
	// status families describe the source itself and change at each attempt;
	// the others belong to a customer and change with a complete refresh only.
	status bool
	write  func(w *writer, name string, v *subset)
	// inEachShard is told of every shard, with the shard as a label.
	inEachShard bool
	// inventory families are of an assessment, the others of a source.
	inventory bool
}

func families() []family {
	const gauge, counter = "gauge", "counter"
	customers := func(name, help string, write func(*writer, string, *subset)) family {
		return family{name: name, help: help, kind: gauge, write: write}
	}
	sources := func(name, help, kind string, write func(*writer, string, *subset)) family {
		return family{name: name, help: help, kind: kind, status: true, write: write}
	}
	up := sources("backup_source_up", "Whether the last refresh of the source was complete. The results shown stay those of the last complete one.", gauge,
		sourceValue(func(v *subset) (float64, bool) { return boolValue(v.Up), true }))
	up.inEachShard = true
	planListed := customers("backup_inventory_plan_listed", "Whether a source lists a job for a plan that the inventory expects.", writePlanListed)
	machineJobs := customers("backup_inventory_machine_jobs", "Jobs that the sources list for a machine of the inventory.", writeMachineJobs)
	unmatched := sources("backup_inventory_unmatched_machines", "Machines of a source that the inventory does not have under any name.", gauge, writeUnmatched)
	expected := sources("backup_inventory_source_expected", "A source that the inventory names: some exporter must read it.", gauge, writeExpectedSource)
	planListed.inventory, machineJobs.inventory, unmatched.inventory, expected.inventory = true, true, true, true
	return []family{
		customers("backup_job_info", "The names of a job: one plan on one protected object.", writeJobInfo),
		customers("backup_job_last_success_timestamp_seconds", "End of the last successful run; absent if there never was one.",
			jobTime(func(j *exporters.Job) time.Time { return j.LastSuccess })),
		customers("backup_job_last_run_timestamp_seconds", "End of the last finished run; absent if there never was one.",
			jobTime(func(j *exporters.Job) time.Time { return j.LastRun })),
		customers("backup_job_last_result", "Result of the last run: 0 unknown, 1 success, 2 warning, 3 failed, 4 cancelled, 5 missed.",
			jobValue(func(j *exporters.Job) (float64, bool) { return float64(j.LastResult), true })),
		customers("backup_job_running", "Whether the job is running now.",
			jobValue(func(j *exporters.Job) (float64, bool) { return boolValue(j.Running), true })),
		customers("backup_job_running_since_timestamp_seconds", "Start of the current run; absent when idle.",
			jobTime(func(j *exporters.Job) time.Time {
				if !j.Running {
					return time.Time{}
				}
				return j.RunningSince
			})),
		customers("backup_job_enabled", "Whether the plan is switched on.",
			jobValue(func(j *exporters.Job) (float64, bool) { return boolValue(j.Enabled), true })),
		customers("backup_job_next_run_timestamp_seconds", "Next planned start; absent if none is planned.",
			jobTime(func(j *exporters.Job) time.Time { return j.NextRun })),
		customers("backup_job_expected_interval_seconds", "Planned time from the last success to the next run, or what is configured for the class of machine.",
			jobValue(func(j *exporters.Job) (float64, bool) { return j.ExpectedInterval.Seconds(), j.ExpectedInterval > 0 })),
		customers("backup_job_last_duration_seconds", "Duration of the last finished run.",
			jobValue(func(j *exporters.Job) (float64, bool) { return j.LastDuration.Seconds(), j.LastDuration > 0 })),
		customers("backup_job_last_size_bytes", "Bytes processed by the last finished run.",
			jobValue(func(j *exporters.Job) (float64, bool) { return amountValue(j.LastSize) })),
		customers("backup_job_consecutive_failures", "Failed, cancelled or missed runs since the last success.",
			jobValue(func(j *exporters.Job) (float64, bool) { return float64(j.Failures), true })),
		customers("backup_job_received_timestamp_seconds", "When a pushed result arrived.",
			jobTime(func(j *exporters.Job) time.Time { return j.Received })),
		customers("backup_job_moved_timestamp_seconds", "When a job was last known under this customer, before the customer got another id; absent again after a month.", writeMoved),
		customers("backup_agent_online", "Whether the backup agent of a machine is connected to its product.", writeAgentOnline),
		customers("backup_agent_last_seen_timestamp_seconds", "When the backup agent was last known to be connected.", writeAgentSeen),
		// A bucket is told with a capacity of 0 and nothing free: it has no limit that is known.
		customers("backup_repository_capacity_bytes", "Capacity of a backup repository.",
			repository(func(r *exporters.Repository) (float64, bool) { return r.CapacityBytes, r.CapacityBytes > 0 })),
		customers("backup_repository_free_bytes", "Free space of a backup repository.",
			repository(func(r *exporters.Repository) (float64, bool) {
				return r.FreeBytes, r.FreeBytes >= 0 && r.CapacityBytes != 0
			})),
		customers("backup_repository_online", "Whether a backup repository can be reached by its product.",
			repository(func(r *exporters.Repository) (float64, bool) {
				if r.Online == nil {
					return 0, false
				}
				return boolValue(*r.Online), true
			})),
		customers("backup_quota_used", "Amount used of a subscribed item, in the unit of the label.", writeQuotaUsed),
		customers("backup_quota_limit", "Amount allowed of a subscribed item; absent if unlimited.", writeQuotaLimit),
		customers("backup_license_expiry_timestamp_seconds", "When a licence or subscription ends.", writeLicense),
		customers("backup_vanished_timestamp_seconds", "When a complete listing first lacked a job that was known; absent again after a month.", writeVanished),
		planListed, machineJobs, unmatched, expected,
		sources("backup_source_info", "A configured source and the product it reads.", gauge, writeSourceInfo),
		up,
		sources("backup_source_last_refresh_timestamp_seconds", "When the source was last read completely. Sources are polled in the background, not at scrape.", gauge,
			sourceValue(func(v *subset) (float64, bool) { return unix(v.LastRefresh), !v.LastRefresh.IsZero() })),
		sources("backup_source_refresh_duration_seconds", "Duration of the last refresh, complete or not.", gauge,
			sourceValue(func(v *subset) (float64, bool) { return v.Duration.Seconds(), true })),
		sources("backup_source_poll_interval_seconds", "Planned time between two refreshes.", gauge,
			sourceValue(func(v *subset) (float64, bool) { return v.PollInterval.Seconds(), v.PollInterval > 0 })),
		sources("backup_source_expiry_timestamp_seconds", "When the way into the source ends: the product's certificate as seen, a credential as configured.", gauge, writeEnds),
		sources("backup_source_clock_skew_seconds", "The product's clock minus the exporter's.", gauge,
			sourceValue(func(v *subset) (float64, bool) {
				if v.ClockSkew == nil {
					return 0, false
				}
				return v.ClockSkew.Seconds(), true
			})),
		sources("backup_source_endpoint_up", "Whether one part of the source was read at the last refresh. A missing right degrades a part alone.", gauge, writeEndpointUp),
		sources("backup_source_items", "Items read of one part of the source.", gauge, writeItems),
		sources("backup_source_unmatched_results", "Results of the last refresh of which the product does not tell whose they are. They are given to nobody by guess.", gauge,
			sourceValue(func(v *subset) (float64, bool) { return float64(len(v.Unmatched)), !v.LastRefresh.IsZero() })),
		sources("backup_inbox_unsorted_messages", "Report mails that no rule reads, kept for a person or left where they are.", gauge,
			sourceValue(func(v *subset) (float64, bool) {
				if v.Inbox == nil {
					return 0, false
				}
				return float64(v.Inbox.Unsorted), true
			})),
		sources("backup_inbox_last_message_timestamp_seconds", "When the latest mail of any kind arrived; absent if none ever did.", gauge,
			sourceValue(func(v *subset) (float64, bool) {
				if v.Inbox == nil || v.Inbox.LastMessage.IsZero() {
					return 0, false
				}
				return unix(v.Inbox.LastMessage), true
			})),
		sources("backup_inbox_ignored_messages_total", "Mails that are no reports: Vigie's own, answers, bounces, and what a rule ignores.", counter, writeIgnored),
		sources("backup_source_errors_total", "Failed readings of the source or of a part of it, by reason.", counter, writeErrors),
		sources("backup_source_unknown_values_total", "Values that the exporter does not know, by field. They never count as success.", counter, writeUnknown),
	}
}

type writer struct{ b []byte }

// sample writes one line; labels are name, value pairs.
func (w *writer) sample(name string, value float64, labels ...string) {
	w.b = append(w.b, name...)
	w.b = append(w.b, '{')
	for i := 0; i < len(labels); i += 2 {
		if i > 0 {
			w.b = append(w.b, ',')
		}
		w.b = append(w.b, labels[i]...)
		w.b = append(w.b, '=', '"')
		w.b = appendLabelValue(w.b, labels[i+1])
		w.b = append(w.b, '"')
	}
	w.b = append(w.b, '}', ' ')
	w.b = strconv.AppendFloat(w.b, value, 'g', -1, 64)
	w.b = append(w.b, '\n')
}

func appendLabelValue(b []byte, s string) []byte {
	s = exporters.CleanName(s)
	for i := range len(s) {
		switch c := s[i]; c {
		case '\\':
			b = append(b, '\\', '\\')
		case '"':
			b = append(b, '\\', '"')
		case '\n':
			b = append(b, '\\', 'n')
		default:
			b = append(b, c)
		}
	}
	return b
}

func writeJobInfo(w *writer, name string, v *subset) {
	for _, j := range v.Jobs {
		w.sample(name, 1, "source", v.Source, "customer", j.Customer, "job_id", j.ID,
			"machine", j.Machine, "machine_class", string(j.Class), "backup_role", string(j.Role), "engine", j.Engine,
			"plan", j.Plan, "customer_name", j.CustomerName, "object_type", j.ObjectType)
	}
}

func jobValue(value func(*exporters.Job) (float64, bool)) func(*writer, string, *subset) {
	return func(w *writer, name string, v *subset) {
		for _, j := range v.Jobs {
			if x, ok := value(j); ok {
				w.sample(name, x, "source", v.Source, "customer", j.Customer, "job_id", j.ID)
			}
		}
	}
}

func amountValue(a exporters.Amount) (float64, bool) {
	n, told := a.Get()
	return float64(n), told
}

func jobTime(value func(*exporters.Job) time.Time) func(*writer, string, *subset) {
	return jobValue(func(j *exporters.Job) (float64, bool) {
		t := value(j)
		return unix(t), !t.IsZero()
	})
}

func writeAgentOnline(w *writer, name string, v *subset) {
	for _, a := range v.Agents {
		w.sample(name, boolValue(a.Online), "source", v.Source, "customer", a.Customer, "machine", a.Machine)
	}
}

func writeAgentSeen(w *writer, name string, v *subset) {
	for _, a := range v.Agents {
		if !a.LastSeen.IsZero() {
			w.sample(name, unix(a.LastSeen), "source", v.Source, "customer", a.Customer, "machine", a.Machine)
		}
	}
}

func repository(value func(*exporters.Repository) (float64, bool)) func(*writer, string, *subset) {
	return func(w *writer, name string, v *subset) {
		for i := range v.Repositories {
			r := &v.Repositories[i]
			if x, ok := value(r); ok {
				w.sample(name, x, "source", v.Source, "customer", r.Customer, "repository", r.Name)
			}
		}
	}
}

func writeQuotaUsed(w *writer, name string, v *subset) {
	for _, q := range v.Quotas {
		w.sample(name, q.Used, "source", v.Source, "customer", q.Customer, "item", q.Item, "unit", q.Unit)
	}
}

func writeQuotaLimit(w *writer, name string, v *subset) {
	for _, q := range v.Quotas {
		if q.Limit != nil {
			w.sample(name, *q.Limit, "source", v.Source, "customer", q.Customer, "item", q.Item, "unit", q.Unit)
		}
	}
}

func writeLicense(w *writer, name string, v *subset) {
	for _, l := range v.Licenses {
		if !l.Expiry.IsZero() {
			w.sample(name, unix(l.Expiry), "source", v.Source, "customer", l.Customer, "item", l.Item)
		}
	}
}

func writeVanished(w *writer, name string, v *subset) {
	for _, j := range v.Vanished {
		w.sample(name, unix(j.Since), "source", v.Source, "customer", j.Customer, "job_id", j.ID,
			"machine", j.Machine, "machine_class", string(j.Class), "backup_role", string(j.Role), "engine", j.Engine, "plan", j.Plan)
	}
}

func sourceValue(value func(*subset) (float64, bool)) func(*writer, string, *subset) {
	return func(w *writer, name string, v *subset) {
		if x, ok := value(v); ok {
			w.sample(name, x, "source", v.Source)
		}
	}
}

func writeSourceInfo(w *writer, name string, v *subset) {
	w.sample(name, 1, "source", v.Source, "engine", v.Engine)
}

func writeEnds(w *writer, name string, v *subset) {
	if !v.CertificateEnds.IsZero() {
		w.sample(name, unix(v.CertificateEnds), "source", v.Source, "item", "certificate")
	}
	if !v.CredentialEnds.IsZero() {
		w.sample(name, unix(v.CredentialEnds), "source", v.Source, "item", "credential")
	}
}

// Of a source that could not be read no part was: what is kept was read before.
func writeEndpointUp(w *writer, name string, v *subset) {
	for _, e := range v.Endpoints {
		w.sample(name, boolValue(v.Up && e.Err == nil), "source", v.Source, "endpoint", e.Name)
	}
}

func writeItems(w *writer, name string, v *subset) {
	for _, e := range v.Endpoints {
		w.sample(name, float64(e.Items), "source", v.Source, "endpoint", e.Name)
	}
}

func writeErrors(w *writer, name string, v *subset) {
	for _, reason := range slices.Sorted(maps.Keys(v.Errors)) {
		w.sample(name, float64(v.Errors[reason]), "source", v.Source, "reason", string(reason))
	}
}

func writeUnknown(w *writer, name string, v *subset) {
	for _, field := range slices.Sorted(maps.Keys(v.UnknownValues)) {
		w.sample(name, float64(v.UnknownValues[field]), "source", v.Source, "field", field)
	}
}

func writeIgnored(w *writer, name string, v *subset) {
	if v.Inbox == nil {
		return
	}
	for _, reason := range slices.Sorted(maps.Keys(v.Inbox.Ignored)) {
		w.sample(name, float64(v.Inbox.Ignored[reason]), "source", v.Source, "reason", reason)
	}
}

func boolValue(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

func unix(t time.Time) float64 {
	return float64(t.UnixMilli()) / 1000
}

func writePlanListed(w *writer, name string, v *subset) {
	for _, m := range v.expected {
		for i, p := range m.Plans {
			w.sample(name, boolValue(m.Listed[i]), "customer", m.Customer, "machine", m.Name, "machine_class", string(m.Class),
				"backup_role", string(m.Told(i)), "engine", p.Engine, "plan", p.Plan)
		}
	}
}

func writeMachineJobs(w *writer, name string, v *subset) {
	for _, m := range v.expected {
		w.sample(name, float64(m.Jobs), "customer", m.Customer, "machine", m.Name, "machine_class", string(m.Class))
	}
}

func writeMoved(w *writer, name string, v *subset) {
	for _, j := range v.Jobs {
		if j.Moved != nil {
			w.sample(name, unix(j.MovedAt), "source", v.Source, "customer", j.MovedFrom, "job_id", j.ID)
		}
	}
}

func writeExpectedSource(w *writer, name string, v *subset) {
	for _, s := range v.sources {
		w.sample(name, 1, "source", s.Source, "exporter", s.Exporter)
	}
}

func writeUnmatched(w *writer, name string, v *subset) {
	for _, u := range v.unmatched {
		w.sample(name, float64(len(u.Machines)), "source", u.Source)
	}
}
