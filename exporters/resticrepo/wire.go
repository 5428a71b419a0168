package resticrepo

import (
	"cmp"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"

	"vigie/exporters"
)

// group is the snapshots of one job.
type group struct {
	Key       groupKey   `json:"group_key"`
	Snapshots []snapshot `json:"snapshots"`
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

// parse reads what restic wrote.
func parse(data []byte) ([]group, error) {
	bad := func(err error) ([]group, error) {
		return nil, &exporters.SourceError{Endpoint: snapshotsName, Reason: exporters.ReasonMalformed, Err: err}
	}
	var groups []group
	if err := json.Unmarshal(data, &groups); err != nil {
		return bad(err)
	}
	for i := range groups {
		g := &groups[i]
		if len(g.Snapshots) == 0 {
			return bad(errors.New("a group without snapshots"))
		}
		g.Key.Host = cmp.Or(strings.TrimSpace(g.Key.Host), "unknown")
		for n := range g.Snapshots {
			if g.Snapshots[n].Time.IsZero() {
				return bad(errors.New("a snapshot without time"))
			}
		}
	}
	return groups, nil
}
