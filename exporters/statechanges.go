package exporters

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"
)

// Between two writings of the whole state what changed is appended to a file
// beside it, a line for each reading: a fleet's state is long, and little of it
// changes.

// leastChanges is how long the file of changes may become in any case. Beyond
// a quarter of the whole, the whole is written anew.
const leastChanges = 1 << 20

func changesFile(path string) string { return path + ".changes" }

// change is what one reading changed. The first line of a file holds the
// serial alone.
type change struct {
	Serial      int64     `json:"serial,omitempty"`
	LastRefresh time.Time `json:"last_refresh,omitzero"`
	Jobs        []*record `json:"jobs,omitempty"`
}

// appendChange writes a change so that it outlives a loss of power, and tells
// how long the file is.
func appendChange(path string, serial int64, c change) (size int64, err error) {
	f, err := os.OpenFile(changesFile(path), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return 0, fmt.Errorf("state file: %w", err)
	}
	defer func() {
		if e := f.Close(); err == nil && e != nil {
			err = fmt.Errorf("state file: %w", e)
		}
	}()
	info, err := f.Stat()
	if err != nil {
		return 0, fmt.Errorf("state file: %w", err)
	}
	var lines bytes.Buffer
	enc := json.NewEncoder(&lines)
	if info.Size() == 0 {
		if err := enc.Encode(change{Serial: serial}); err != nil {
			return 0, fmt.Errorf("state file %s: %w", path, err)
		}
	}
	if err := enc.Encode(c); err != nil {
		return 0, fmt.Errorf("state file %s: %w", path, err)
	}
	if _, err := f.Write(lines.Bytes()); err != nil {
		return 0, fmt.Errorf("state file: %w", err)
	}
	if err := f.Sync(); err != nil {
		return 0, fmt.Errorf("state file: %w", err)
	}
	return info.Size() + int64(lines.Len()), nil
}

// loadChanges lays the changes over the state that they belong to. Those of
// another one were left by a stop between its writing and their removal. A last
// line that is not whole was never shown.
func (s *state) loadChanges(path string) error {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("state file: %w", err)
	}
	defer f.Close()
	at := make(map[jobKey]int, len(s.Jobs))
	for i, r := range s.Jobs {
		at[jobKey{r.Job.Customer, r.Job.ID}] = i
	}
	in := bufio.NewReader(io.LimitReader(f, maxStateBytes))
	for n := 0; ; n++ {
		line, err := in.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			return nil
		}
		var c change
		if err == nil {
			err = json.Unmarshal(line, &c)
		}
		switch {
		case err != nil:
			return fmt.Errorf("state file %s: line %d: %w", path, n+1, err)
		case n == 0 && (c.Serial == 0 || c.Serial != s.Serial):
			return nil
		case n > 0:
			s.LastRefresh = c.LastRefresh
		}
		for _, r := range c.Jobs {
			if r == nil || r.Job == nil || r.Job.ID == "" {
				return fmt.Errorf("state file %s: line %d: a job without job_id", path, n+1)
			}
			key := jobKey{r.Job.Customer, r.Job.ID}
			if i, known := at[key]; known {
				s.Jobs[i] = r
				continue
			}
			at[key] = len(s.Jobs)
			s.Jobs = append(s.Jobs, r)
		}
	}
}
