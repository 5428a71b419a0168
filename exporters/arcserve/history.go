package arcserve

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"time"

	"vigie/exporters"
)

const (
	backupHistory = "backup_history"
	// maxInfoBytes bounds one file. Real ones are a few kilobytes.
	maxInfoBytes = 4 << 20
	// maxInfoFiles bounds how many of the newest files are looked at.
	maxInfoFiles = 2000
	// stillWritten is for how long a file that cannot be read may be one that
	// the agent is writing.
	stillWritten = 5 * time.Minute
	// openFor is for how long a job that tells no end counts as running.
	openFor = 48 * time.Hour
)

// infoFile is one file of the history.
type infoFile struct {
	name  string
	mtime time.Time
	size  int64
	first time.Time // the mtime when the file was first seen
	info  Info
	err   error // the file is not understood
}

// history reads the files that an agent leaves. It implements way.
type history struct {
	config *Config
	files  map[string]infoFile // those of the last reading
	odd    oddities
	part   exporters.LastGood[infoFile]
}

func newHistory(c *Config) *history {
	return &history{config: c, odd: oddities{}, part: exporters.LastGood[infoFile]{Name: backupHistory, Need: exporters.Required}}
}

func (h *history) close() error { return nil }

func (h *history) fetch(ctx context.Context, now time.Time) (exporters.Snapshot, error) {
	files, endpoint, err := h.part.Refresh(ctx, func(ctx context.Context) ([]infoFile, error) { return h.read(ctx, now) })
	if err != nil {
		return exporters.Snapshot{}, err
	}
	out := exporters.Snapshot{Endpoints: []exporters.Endpoint{endpoint}}
	out.Jobs = []exporters.Job{h.job(files, now, &out)}
	return out, nil
}

// read gives the files of the lookback, oldest first. Files that have not
// changed are not read again.
func (h *history) read(ctx context.Context, now time.Time) ([]infoFile, error) {
	root, err := os.OpenRoot(h.config.Agent.Path)
	if err != nil {
		return nil, fileError(err)
	}
	defer root.Close()
	found, err := list(root, now.Add(-time.Duration(h.config.Agent.Lookback)))
	if err != nil {
		return nil, fileError(err)
	}
	next := make(map[string]infoFile, len(found))
	for i := range found {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		f := &found[i]
		f.first = f.mtime
		if old, ok := h.files[f.name]; ok {
			f.first = old.first
			if old.mtime.Equal(f.mtime) && old.size == f.size && old.err == nil {
				f.info = old.info
				next[f.name] = *f
				continue
			}
		}
		data, err := content(root, f.name)
		if err == nil {
			f.info, err = ParseBackupInfo(data, h.config.Agent)
		}
		f.err = err
		next[f.name] = *f
	}
	h.files = next
	return found, nil
}

// list gives the newest files of the history that were written since then.
func list(root *os.Root, since time.Time) ([]infoFile, error) {
	dir, err := root.Open(".")
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	var out []infoFile
	for {
		entries, err := dir.ReadDir(1000)
		for _, e := range entries {
			if ok, _ := path.Match("backupinfo*.xml", strings.ToLower(e.Name())); !ok || !e.Type().IsRegular() {
				continue
			}
			info, err := e.Info()
			if errors.Is(err, fs.ErrNotExist) {
				continue // the agent's retention was faster
			}
			if err != nil {
				return nil, err
			}
			if !info.ModTime().Before(since) {
				out = append(out, infoFile{name: e.Name(), mtime: info.ModTime(), size: info.Size()})
			}
		}
		if len(out) > 2*maxInfoFiles {
			out = newest(out)
		}
		if errors.Is(err, io.EOF) {
			return newest(out), nil
		}
		if err != nil {
			return nil, err
		}
	}
}

// newest keeps the newest files, oldest first.
func newest(files []infoFile) []infoFile {
	slices.SortFunc(files, func(a, b infoFile) int { return cmp.Or(a.mtime.Compare(b.mtime), cmp.Compare(a.name, b.name)) })
	return files[max(0, len(files)-maxInfoFiles):]
}

func content(root *os.Root, name string) ([]byte, error) {
	f, err := root.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxInfoBytes+1))
	if err == nil && len(data) > maxInfoBytes {
		err = fmt.Errorf("longer than %d bytes", maxInfoBytes)
	}
	return data, err
}

func fileError(err error) error {
	reason := exporters.ReasonOther
	switch {
	case errors.Is(err, fs.ErrNotExist):
		reason = exporters.ReasonNotFound
	case errors.Is(err, fs.ErrPermission):
		reason = exporters.ReasonForbidden
	}
	return &exporters.SourceError{Endpoint: backupHistory, Reason: reason, Err: err}
}

// job is the one protection: the machine.
func (h *history) job(files []infoFile, now time.Time, out *exporters.Snapshot) exporters.Job {
	a := h.config.Agent
	j := h.config.job(strings.ToLower(a.Machine), a.Machine, "Arcserve UDP agent", "BackupInfo")
	for i := range files {
		f := &files[i]
		if f.err != nil {
			if now.Sub(f.mtime) < stillWritten {
				continue // it is looked at again
			}
			h.odd.count(out, "backup_info_file", f.name)
			j.Runs = append(j.Runs, f.run(f.mtime, exporters.Unknown, "the history file "+f.name+" cannot be read: "+f.err.Error()))
			continue
		}
		if f.info.skipped(a) || strings.Contains(strings.ToLower(f.name), "resync") || strings.Contains(strings.ToLower(f.name), "verif") {
			continue
		}
		if len(f.info.Types) == 0 {
			h.odd.count(out, "backup_info_type", "")
		}
		st, unknown := f.info.outcome(h.config)
		for _, word := range unknown {
			h.odd.count(out, "job_status", word)
		}
		// Only the newest can go on: a later file says that the one before is over.
		j.Running, j.RunningSince = false, time.Time{}
		if st.state == running && now.Sub(f.mtime) < openFor {
			j.Running, j.RunningSince = true, f.first
		}
		if st.state == finished {
			text := ""
			if st.result != exporters.Success {
				text = fmt.Sprintf("the history file %s tells the status %s", f.name, strings.Join(f.info.Statuses, ", "))
			}
			j.Runs = append(j.Runs, f.run(h.end(f, out), st.result, text))
		}
	}
	return j
}

// run names a run by its file and when that was written: a name may be used again.
func (f *infoFile) run(end time.Time, result exporters.Result, text string) exporters.Run {
	return exporters.Run{ID: fmt.Sprintf("%s@%d", f.name, f.mtime.Unix()), End: end, Result: result, Error: text}
}

// end is what the file tells, or when it was last written.
func (h *history) end(f *infoFile, out *exporters.Snapshot) time.Time {
	if h.config.Agent.EndName == "" {
		return f.mtime
	}
	if f.info.End.IsZero() {
		h.odd.count(out, "backup_info_time", f.name)
		return f.mtime
	}
	return f.info.End.In(h.config.location)
}
