package synology

import (
	"context"
	"net/url"
	"strconv"
	"time"

	"vigie/exporters"
)

// deviceParts are a device's parts in runs of tasks: a run of several devices may
// go well for one and fail for another.
type deviceParts struct {
	Device device                       `json:"device"`
	Parts  exporters.Rows[activeResult] `json:"transfer_list"`
}

// partKey names the part of a device in a run.
type partKey struct{ run, device exporters.Text }

// shared tells a task whose last result is that of a backup of several devices.
func (t *activeTask) shared() bool {
	return len(t.Devices.Items) > 1 && t.Last != nil && word(t.Last.Action) == actionBackup && !t.Last.End.IsZero()
}

// partsSlack is how far around the last results it is asked for parts: by what
// instant DSM chooses them is not told.
const partsSlack = 24 * time.Hour

// parts asks for the parts of the devices in the last runs of tasks.
func (c *client) parts(first time.Time) func(context.Context) ([]deviceParts, error) {
	return func(ctx context.Context) ([]deviceParts, error) {
		var l struct {
			Devices *exporters.Rows[deviceParts] `json:"device_list"`
		}
		form := url.Values{"time_start": {strconv.FormatInt(first.Add(-partsSlack).Unix(), 10)}, "time_end": {strconv.FormatInt(c.now().Add(partsSlack).Unix(), 10)}}
		if err := c.ask(ctx, partsName, overviewAPI, "list_device_transfer_size", form, &l); err != nil {
			return nil, err
		}
		if l.Devices == nil || l.Devices.Null {
			return nil, malformed(partsName, "there is no device_list in it")
		}
		c.odd.Note(partsName, l.Devices.Odd...)
		for i := range l.Devices.Items {
			for _, odd := range l.Devices.Items[i].Parts.Odd {
				c.odd.Note(partsName, "transfer_list."+odd)
			}
		}
		return l.Devices.Items, nil
	}
}

// readParts takes up what became of each device, if any task has several.
func (s *Source) readParts(ctx context.Context, tasks []activeTask, out *exporters.Snapshot) error {
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
	s.memory.parts = map[partKey]*activeResult{}
	if first.IsZero() {
		return nil
	}
	devices, endpoint, err := s.parts.Refresh(ctx, s.client.parts(first))
	if err != nil {
		return err
	}
	out.Endpoints = append(out.Endpoints, endpoint)
	for i := range devices {
		for n := range devices[i].Parts.Items {
			p := &devices[i].Parts.Items[n]
			p.Action = actionBackup // its run's, which is looked at first
			s.memory.parts[partKey{p.ID, devices[i].Device.ID}] = p
		}
	}
	return nil
}

// part is what became of a device in the last run of a task; nil if the NAS does
// not tell.
func (f *memory) part(t *activeTask, d *device) *activeResult {
	if !t.shared() || t.Last.ID == "" {
		return nil
	}
	return f.parts[partKey{t.Last.ID, d.ID}]
}
