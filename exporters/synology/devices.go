package synology

import (
	"context"
	"net/url"
	"strconv"
	"time"

	"vigie/exporters"
)

// deviceRuns tells how runs of tasks went for one device: a run of several may go
// well for one and fail for another.
type deviceRuns struct {
	Device device                       `json:"device"`
	Runs   exporters.Rows[activeResult] `json:"transfer_list"`
}

// deviceRunKey names a device in a run.
type deviceRunKey struct{ run, device exporters.Text }

// shared tells a task whose last result is that of a backup of several devices.
func (t *activeTask) shared() bool {
	return len(t.Devices.Items) > 1 && t.Last != nil && word(t.Last.Action) == actionBackup && !t.Last.End.IsZero()
}

// slack is how far around the last results it is asked: by what instant DSM chooses
// is not told.
const slack = 24 * time.Hour

// deviceRuns asks how the last runs of tasks went for each device.
func (c *client) deviceRuns(first time.Time) func(context.Context) ([]deviceRuns, error) {
	return func(ctx context.Context) ([]deviceRuns, error) {
		var l struct {
			Devices *exporters.Rows[deviceRuns] `json:"device_list"`
		}
		form := url.Values{"time_start": {strconv.FormatInt(first.Add(-slack).Unix(), 10)}, "time_end": {strconv.FormatInt(c.now().Add(slack).Unix(), 10)}}
		if err := c.ask(ctx, devicesName, overviewAPI, "list_device_transfer_size", form, &l); err != nil {
			return nil, err
		}
		if l.Devices == nil || l.Devices.Null {
			return nil, malformed(devicesName, "there is no device_list in it")
		}
		c.odd.Note(devicesName, l.Devices.Odd...)
		for i := range l.Devices.Items {
			for _, odd := range l.Devices.Items[i].Runs.Odd {
				c.odd.Note(devicesName, "transfer_list."+odd)
			}
		}
		return l.Devices.Items, nil
	}
}

// readDeviceRuns notes what became of each device, if any task has several.
func (s *Source) readDeviceRuns(ctx context.Context, tasks []activeTask, out *exporters.Snapshot) error {
	var first time.Time
	for i := range tasks {
		if t := &tasks[i]; t.shared() {
			began := t.Last.Start.Time
			if began.IsZero() {
				began = t.Last.End.Time
			}
			if first.IsZero() || began.Before(first) {
				first = began
			}
		}
	}
	s.facts.deviceRuns = map[deviceRunKey]*activeResult{}
	if first.IsZero() {
		return nil
	}
	devices, endpoint, err := s.devices.Refresh(ctx, s.client.deviceRuns(first))
	if err != nil {
		return err
	}
	out.Endpoints = append(out.Endpoints, endpoint)
	for i := range devices {
		for n := range devices[i].Runs.Items {
			r := &devices[i].Runs.Items[n]
			r.Action = actionBackup // its run's, which is looked at first
			s.facts.deviceRuns[deviceRunKey{r.ID, devices[i].Device.ID}] = r
		}
	}
	return nil
}

// deviceRun is how the last run of a task went for a device; nil if the NAS does
// not tell. One without an end of its own ended with the run: it is no success
// only because the run is one.
func (f *facts) deviceRun(t *activeTask, d *device) *activeResult {
	if !t.shared() || t.Last.ID == "" {
		return nil
	}
	r := f.deviceRuns[deviceRunKey{t.Last.ID, d.ID}]
	if r != nil && r.End.IsZero() {
		r.End = t.Last.End
	}
	return r
}
