package resticrepo

import (
	"encoding/json"
	"errors"
	"slices"
	"time"

	"vigie/exporters"
)

// group is the snapshots of one job.
type group struct {
	Key       groupKey                 `json:"group_key"`
	Snapshots exporters.Rows[snapshot] `json:"snapshots"`
}

type groupKey struct {
	Host  string   `json:"hostname"`
	Paths []string `json:"paths"`
	Tags  []string `json:"tags"`
}

type snapshot struct {
	Time    exporters.Instant `json:"time"` // its start
	Tags    []string          `json:"tags"`
	Summary *struct {
		End   exporters.Instant `json:"backup_end"`
		Bytes exporters.Text    `json:"total_bytes_processed"`
		Files exporters.Text    `json:"total_files_processed"`
	} `json:"summary"` // since restic 0.17
}

func (s *snapshot) tagged(tag string) bool { return slices.Contains(s.Tags, tag) }

// end is when the backup ended, or when it began where nobody tells.
func (s *snapshot) end() time.Time {
	if s.Summary != nil && s.Summary.End.After(s.Time.Time) {
		return s.Summary.End.Time
	}
	return s.Time.Time
}

// id stays the same when a tag is put on the snapshot, which gives it another
// one in the repository.
func (s *snapshot) id() string { return "snapshot/" + s.Time.UTC().Format(time.RFC3339Nano) }

// parse reads what restic wrote. A snapshot without a time, and a group without a
// snapshot, is left out: a job outlives its snapshots.
func parse(data []byte, odd *exporters.Oddities) ([]group, error) {
	var groups exporters.Rows[group]
	err := json.Unmarshal(data, &groups)
	if err == nil && groups.NoList() {
		err = errors.New("there is no list of groups")
	}
	if err != nil {
		return nil, &exporters.SourceError{Endpoint: snapshotsName, Reason: exporters.ReasonMalformed, Err: err}
	}
	odd.Note("groups", groups.Odd...)
	out := slices.DeleteFunc(groups.Items, func(g group) bool { return !g.readable(odd) })
	if len(out) == 0 && groups.Count() > 0 {
		return nil, &exporters.SourceError{Endpoint: snapshotsName, Reason: exporters.ReasonMalformed, Err: errors.New("all groups are without snapshots")}
	}
	return out, nil
}

// readable tells whether the group has a snapshot with a time.
func (g *group) readable(odd *exporters.Oddities) bool {
	odd.Note(snapshotsName, g.Snapshots.Odd...)
	for _, s := range g.Snapshots.Items {
		if !s.Time.IsZero() {
			return true
		}
	}
	odd.Note("groups", snapshotsName)
	return false
}
