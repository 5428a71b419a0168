package synology

import (
	"slices"
	"strings"

	"vigie/exporters"
)

// listing is a list under a name that differs from package to package, with
// the number of its items.
type listing[T any] struct {
	lists map[string]exporters.Rows[T]
	total exporters.Number
}

// UnmarshalJSON takes up the two lists that are known.
func (l *listing[T]) UnmarshalJSON(data []byte) error {
	var raw struct {
		TaskList *exporters.Rows[T] `json:"task_list"`
		Tasks    *exporters.Rows[T] `json:"tasks"`
		Total    exporters.Number   `json:"total"`
	}
	if _, err := exporters.Lenient(data, &raw); err != nil {
		return err
	}
	*l = listing[T]{lists: map[string]exporters.Rows[T]{}, total: raw.Total}
	for name, rows := range map[string]*exporters.Rows[T]{"task_list": raw.TaskList, "tasks": raw.Tasks} {
		if rows != nil && !rows.NoList() {
			l.lists[name] = *rows
		}
	}
	return nil
}

// stamp is an instant that may be "N/A".
type stamp struct{ exporters.Instant }

// UnmarshalJSON never fails for a value that is not a time.
func (s *stamp) UnmarshalJSON(data []byte) error {
	if strings.EqualFold(strings.TrimSpace(string(data)), `"n/a"`) {
		*s = stamp{}
		return nil
	}
	return s.Instant.UnmarshalJSON(data)
}

// hyperTask is a task of Hyper Backup as its list and its status tell it.
type hyperTask struct {
	ID         exporters.Text `json:"task_id"`
	Name       exporters.Text `json:"name"`
	State      exporters.Text `json:"state"`
	Status     exporters.Text `json:"status"`
	Type       exporters.Text `json:"type"`
	TargetType exporters.Text `json:"target_type"`
	Result     exporters.Text `json:"last_bkp_result"`
	Error      exporters.Text `json:"last_bkp_error"`
	ErrorCode  exporters.Text `json:"last_bkp_error_code"`
	Last       stamp          `json:"last_bkp_time"`
	End        stamp          `json:"last_bkp_end_time"`
	Success    stamp          `json:"last_bkp_success_time"`
	Next       stamp          `json:"next_bkp_time"`
	Schedule   *struct {
		Enabled exporters.Flag `json:"schedule_enable"`
	} `json:"schedule"`
}

// merge takes what the status tells; it is the later of the two.
func (t *hyperTask) merge(s *hyperTask) {
	for _, f := range []struct{ to, from *exporters.Text }{{&t.State, &s.State}, {&t.Status, &s.Status}, {&t.Result, &s.Result},
		{&t.Error, &s.Error}, {&t.ErrorCode, &s.ErrorCode}} {
		if *f.from != "" {
			*f.to = *f.from
		}
	}
	for _, f := range []struct{ to, from *stamp }{{&t.Last, &s.Last}, {&t.End, &s.End}, {&t.Success, &s.Success}, {&t.Next, &s.Next}} {
		if !f.from.IsZero() || f.from.Bad {
			*f.to = *f.from
		}
	}
	if s.Schedule != nil {
		t.Schedule = s.Schedule
	}
}

// target is a destination of Hyper Backup.
type target struct {
	task   *hyperTask
	Online exporters.Flag `json:"is_online"`
}

// paused tells that a schedule which runs without end stands still.
func (t *activeTask) paused() bool { return t.Schedule.Paused.On }

// activeTask is a task of Active Backup for Business.
type activeTask struct {
	ID         exporters.Text `json:"task_id"`
	Name       exporters.Text `json:"task_name"`
	BackupType exporters.Text `json:"backup_type"`
	Status     exporters.Text `json:"status"`
	Devices    devices        `json:"devices"`
	Last       *activeResult  `json:"last_result"`
	Next       stamp          `json:"next_trigger_time"`
	Schedule   struct {
		Paused exporters.Flag `json:"is_continuous_paused"`
	} `json:"sched_content"`
	Versions exporters.Rows[activeVersion] `json:"versions"`
}

// devices are those of a task or of a run.
type devices = exporters.Rows[device]

type device struct {
	ID       exporters.Text `json:"device_id"`
	HostName exporters.Text `json:"host_name"`
	Agent    exporters.Text `json:"agent_status"`
}

type activeResult struct {
	ID       exporters.Text `json:"result_id"`
	Action   exporters.Text `json:"job_action"`
	Status   exporters.Text `json:"status"`
	Start    stamp          `json:"time_start"`
	End      stamp          `json:"time_end"`
	Errors   exporters.Text `json:"error_count"`
	Warnings exporters.Text `json:"warning_count"`
	Bytes    exporters.Text `json:"transfered_bytes"` // sic
	Config   struct {
		Devices devices `json:"device_list"`
	} `json:"task_config"`
}

// covers tells whether the run was one of the device. Of several devices an
// answer that does not list those of the run may mean any.
func (r *activeResult) covers(d *device) bool {
	return r != nil && slices.ContainsFunc(r.Config.Devices.Items, func(x device) bool {
		return x.ID != "" && x.ID == d.ID || x.ID == "" && x.HostName != "" && x.HostName == d.HostName
	})
}

type activeVersion struct {
	ID     exporters.Text `json:"version_id"`
	Status exporters.Text `json:"status"`
	Start  stamp          `json:"time_start"`
	End    stamp          `json:"time_end"`
}
