package push

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
)

const (
	schema = 1
	// compactAfter is the size of the journal from which it is folded into
	// the other file, in bytes; larger when that file is large.
	compactAfter = 4 << 20
	// maxFile bounds what is read back.
	maxFile = 2 << 30
)

// journal keeps entries on disk: results.json is a whole ledger, and
// results.journal what came since, one line an entry with its check sum.
type journal struct {
	dir  string
	file *os.File // nil until the first write, and after a failed one
	size int64    // of the journal's good part
	base int64    // of results.json
	// hook lets a test end the process at the worst instant.
	hook func(name string, f *os.File, at int64, line []byte)
}

type baseFile struct {
	Schema int    `json:"schema"`
	Jobs   []*job `json:"jobs"`
}

func (j *journal) basePath() string { return filepath.Join(j.dir, "results.json") }
func (j *journal) path() string     { return filepath.Join(j.dir, "results.journal") }

// load reads both files without changing them.
func (j *journal) load() (ledger, error) {
	l := ledger{}
	if err := j.loadBase(l); err != nil {
		return nil, err
	}
	f, err := os.Open(j.path())
	if errors.Is(err, fs.ErrNotExist) {
		j.size = 0
		return l, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	r := bufio.NewReaderSize(io.LimitReader(f, maxFile), 1<<20)
	at, bad := int64(0), int64(-1)
	for {
		line, err := r.ReadBytes('\n')
		if err != nil && !errors.Is(err, io.EOF) {
			return nil, err
		}
		if len(line) == 0 {
			break
		}
		if bad >= 0 {
			return nil, fmt.Errorf("%s: damaged at byte %d with more after it; restore it, or move it away and lose what it holds", j.path(), bad)
		}
		e, ok := readLine(line)
		if !ok {
			bad = at // the end of a write that was cut off, and never answered
			at += int64(len(line))
			continue
		}
		if err := l.add(e); err != nil {
			return nil, err
		}
		at += int64(len(line))
	}
	if j.size = at; bad >= 0 {
		j.size = bad
	}
	return l, nil
}

func (j *journal) loadBase(l ledger) error {
	info, err := os.Stat(j.basePath())
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if info.Size() > maxFile {
		return fmt.Errorf("%s: %d bytes are too many", j.basePath(), info.Size())
	}
	data, err := os.ReadFile(j.basePath())
	if err != nil {
		return err
	}
	var b baseFile
	if err := json.Unmarshal(data, &b); err != nil {
		return fmt.Errorf("%s: %w", j.basePath(), err)
	}
	if b.Schema != schema {
		return fmt.Errorf("%s: schema %d, this program reads %d", j.basePath(), b.Schema, schema)
	}
	for _, job := range b.Jobs {
		if job == nil || job.ID == "" || len(job.Runs) == 0 {
			return fmt.Errorf("%s: a job without id or runs", j.basePath())
		}
		l[jobKey{job.Customer, job.ID}] = job
	}
	j.base = info.Size()
	return nil
}

// append writes an entry; when it returns nil the entry survives a loss of power.
func (j *journal) append(e entry) error {
	line, err := formatLine(e)
	if err != nil {
		return err
	}
	if err := j.open(); err != nil {
		return err
	}
	if j.hook != nil {
		j.hook("write", j.file, j.size, line)
	}
	_, err = j.file.WriteAt(line, j.size)
	if err == nil {
		if j.hook != nil {
			j.hook("written", j.file, j.size, line)
		}
		err = j.file.Sync()
	}
	if err != nil {
		// What reached the disk is unknown: the next write opens the file
		// anew and cuts it back to what is good.
		j.close()
		return err
	}
	j.size += int64(len(line))
	if j.hook != nil {
		j.hook("synced", j.file, j.size, line)
	}
	return nil
}

// try writes a file into the folder and takes it away again.
func (j *journal) try() error {
	if err := os.MkdirAll(j.dir, 0o700); err != nil {
		return err
	}
	f, err := os.CreateTemp(j.dir, ".try-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.WriteString("x")
	return errors.Join(err, f.Close())
}

func (j *journal) open() error {
	if j.file != nil {
		return nil
	}
	if err := os.MkdirAll(j.dir, 0o700); err != nil {
		return err
	}
	f, err := os.OpenFile(j.path(), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	err = f.Truncate(j.size)
	if err == nil {
		err = f.Sync()
	}
	if err == nil {
		err = syncDir(j.dir)
	}
	if err != nil {
		_ = f.Close()
		return err
	}
	j.file = f
	return nil
}

func (j *journal) close() {
	if j.file != nil {
		_ = j.file.Close() // every write was synced or given up
		j.file = nil
	}
}

// compact folds the journal into the other file when it has grown.
func (j *journal) compact(l ledger) error {
	if j.size < max(compactAfter, j.base) {
		return nil
	}
	b := baseFile{Schema: schema}
	for _, job := range l {
		b.Jobs = append(b.Jobs, job)
	}
	slices.SortFunc(b.Jobs, func(x, y *job) int { return strings.Compare(x.Customer+"\x00"+x.ID, y.Customer+"\x00"+y.ID) })
	data, err := json.Marshal(b)
	if err != nil {
		return err
	}
	if err := WriteFile(j.basePath(), data); err != nil {
		return err
	}
	// A crash here leaves entries in both files; adding them twice is harmless.
	if err := j.open(); err != nil {
		return err
	}
	if err := j.file.Truncate(0); err != nil {
		j.close()
		return err
	}
	j.size, j.base = 0, int64(len(data))
	return nil
}

func formatLine(e entry) ([]byte, error) {
	data, err := json.Marshal(e)
	if err != nil {
		return nil, err
	}
	return fmt.Appendf(nil, "%08x %s\n", crc32.ChecksumIEEE(data), data), nil
}

func readLine(line []byte) (entry, bool) {
	var e entry
	line, whole := bytes.CutSuffix(line, []byte("\n"))
	sum, data, ok := bytes.Cut(line, []byte(" "))
	if !whole || !ok || string(sum) != fmt.Sprintf("%08x", crc32.ChecksumIEEE(data)) {
		return e, false
	}
	return e, json.Unmarshal(data, &e) == nil
}

// WriteFile replaces a file so that a loss of power leaves the old or the new one.
func WriteFile(path string, data []byte) error {
	tmp, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".tmp-*")
	if err != nil {
		return err
	}
	defer os.Remove(tmp.Name())
	_, err = tmp.Write(data)
	if err == nil {
		err = tmp.Sync()
	}
	if cerr := tmp.Close(); err == nil {
		err = cerr
	}
	if err == nil {
		err = os.Rename(tmp.Name(), path)
	}
	if err == nil {
		err = syncDir(filepath.Dir(path))
	}
	return err
}

// syncDir makes a new name in a folder durable. Windows keeps names by itself
// and cannot be asked.
func syncDir(dir string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}
