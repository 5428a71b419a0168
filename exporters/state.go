package exporters

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// stateSchema is the version of the state file's form.
const stateSchema = 1

// maxStateBytes bounds what is read back; 100,000 jobs need about 70 MB.
const maxStateBytes = 1 << 30

// state is what a poller keeps over restarts.
type state struct {
	Schema      int       `json:"schema"`
	LastRefresh time.Time `json:"last_refresh,omitzero"`
	Jobs        []*record `json:"jobs"`
	Agents      []Agent   `json:"agents"`
	// Customers holds the ids given to customers that the configuration does not name.
	Customers customerBook `json:"customers"`
}

// loadState reads the file; a file that does not exist is an empty state.
func loadState(path string) (state, error) {
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
		if r == nil || r.Job.ID == "" {
			return state{}, fmt.Errorf("state file %s: a job without job_id", path)
		}
	}
	return s, nil
}

// saveState replaces the file so that a crash leaves the old or the new one.
func saveState(path string, s state) error {
	data, err := json.Marshal(s)
	if err != nil {
		return fmt.Errorf("state file %s: %w", path, err)
	}
	if err := replaceFile(path, 0o600, [][]byte{data}); err != nil {
		return fmt.Errorf("state file: %w", err)
	}
	return nil
}

// replaceFile writes a new file beside path and renames it into place.
func replaceFile(path string, mode fs.FileMode, pieces [][]byte) error {
	tmp, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".tmp-*")
	if err != nil {
		return err
	}
	defer os.Remove(tmp.Name())
	for _, p := range pieces {
		if err == nil {
			_, err = tmp.Write(p)
		}
	}
	if err == nil {
		err = tmp.Chmod(mode)
	}
	if err == nil {
		err = tmp.Sync()
	}
	if cerr := tmp.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return err
	}
	return os.Rename(tmp.Name(), path)
}
