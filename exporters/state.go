package exporters

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"

	"vigie/internal/atomicfile"
)

// stateSchema is the version of the state file's form.
const stateSchema = 1

// maxStateBytes bounds what is read back; 100,000 jobs need about 70 MB.
const maxStateBytes = 1 << 30

// state is what a poller keeps over restarts.
type state struct {
	Schema int `json:"schema"`
	// Serial tells which changes beside the file belong to it.
	Serial      int64     `json:"serial,omitempty"`
	LastRefresh time.Time `json:"last_refresh,omitzero"`
	Agents      []Agent   `json:"agents"`
	// Customers holds the ids given to customers that the configuration does not name.
	Customers customerBook `json:"customers"`
	Jobs      []*record    `json:"jobs"` // the last key: see saveState
}

// loadState reads the file and the changes beside it; a file that does not exist
// is an empty state.
func loadState(path string) (state, error) {
	s, err := loadWhole(path)
	if err != nil {
		return state{}, err
	}
	return s, s.loadChanges(changesFile(path))
}

func loadWhole(path string) (state, error) {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return state{Schema: stateSchema}, nil
	}
	if err != nil {
		return state{}, fmt.Errorf("state file: %w", err)
	}
	if info.Size() > maxStateBytes {
		return state{}, fmt.Errorf("state file %s: %d bytes are more than the %d allowed", path, info.Size(), maxStateBytes)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return state{}, fmt.Errorf("state file: %w", err)
	}
	var s state
	if err := json.Unmarshal(data, &s); err != nil {
		return state{}, fmt.Errorf("state file %s: %w", path, err)
	}
	if s.Schema != stateSchema {
		return state{}, fmt.Errorf("state file %s: schema %d, this program reads %d", path, s.Schema, stateSchema)
	}
	for _, r := range s.Jobs {
		if r == nil || r.Job == nil || r.Job.ID == "" {
			return state{}, fmt.Errorf("state file %s: a job without job_id", path)
		}
	}
	return s, nil
}

// saveState replaces the file so that a crash leaves the old or the new one.
// The jobs are written one by one: all of them together would need as much
// memory again as the rest of the program.
func saveState(path string, s state) (size int64, err error) {
	jobs := s.Jobs
	s.Jobs = nil
	head, err := json.Marshal(s)
	if err != nil {
		return 0, fmt.Errorf("state file %s: %w", path, err)
	}
	err = atomicfile.Replace(path, 0o600, func(file io.Writer) error {
		w := &counting{Writer: file}
		defer func() { size = w.n }()
		// The last key of state is jobs, null here.
		if _, err := w.Write(bytes.TrimSuffix(head, []byte("null}"))); err != nil {
			return err
		}
		sep := "["
		for _, r := range jobs {
			line, err := json.Marshal(r)
			if err != nil {
				return err
			}
			if _, err := io.WriteString(w, sep); err != nil {
				return err
			}
			if _, err := w.Write(line); err != nil {
				return err
			}
			sep = ",\n"
		}
		if len(jobs) == 0 {
			_, err := io.WriteString(w, "[]}")
			return err
		}
		_, err := io.WriteString(w, "]}")
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("state file: %w", err)
	}
	return size, nil
}

type counting struct {
	io.Writer
	n int64
}

func (c *counting) Write(b []byte) (int, error) {
	n, err := c.Writer.Write(b)
	c.n += int64(n)
	return n, err
}
