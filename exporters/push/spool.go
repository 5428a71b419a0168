package push

import (
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// The bounds of a spool where nothing else is said. A report is some 500
// bytes: hourly results of fifty jobs over a week fit.
const (
	defaultSpoolFiles = 10000
	keptRejected      = 200
)

// Spool keeps reports on disk until they are sent, oldest first. Several
// processes may use one folder: what is sent twice counts once.
type Spool struct {
	Dir string
	// MaxFiles bounds it; 0 means 10,000. The oldest go first, since the
	// newest tell how things stand.
	MaxFiles int
	Now      func() time.Time
}

// Add makes a report durable and says how many old ones had to go for it.
func (s *Spool) Add(r Report) (dropped int, err error) {
	if err := os.MkdirAll(s.Dir, 0o700); err != nil {
		return 0, err
	}
	data, err := json.Marshal(r)
	if err != nil {
		return 0, err
	}
	names, err := s.names()
	if err != nil {
		return 0, err
	}
	limit := s.MaxFiles
	if limit == 0 {
		limit = defaultSpoolFiles
	}
	for len(names) >= limit {
		if err := s.remove(names[0]); err != nil {
			return dropped, err
		}
		names = names[1:]
		dropped++
	}
	var salt [4]byte
	_, _ = rand.Read(salt[:]) // it never fails
	name := fmt.Sprintf("%020d-%s.json", s.Now().UnixNano(), hex.EncodeToString(salt[:]))
	return dropped, WriteFile(filepath.Join(s.Dir, name), data)
}

// Len counts what waits.
func (s *Spool) Len() (int, error) {
	names, err := s.names()
	return len(names), err
}

// names lists the waiting reports, oldest first.
func (s *Spool) names() ([]string, error) {
	entries, err := os.ReadDir(s.Dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var out []string
	for _, e := range entries {
		if n := e.Name(); e.Type().IsRegular() && strings.HasSuffix(n, ".json") && !strings.HasPrefix(n, ".") {
			out = append(out, n)
		}
	}
	slices.Sort(out)
	return out, nil
}

func (s *Spool) read(name string) (Report, error) {
	info, err := os.Stat(filepath.Join(s.Dir, name))
	if err != nil {
		return Report{}, err
	}
	if info.Size() > 1<<20 {
		return Report{}, &Problem{Where: name, What: "too long for a result", Cure: "look what wrote it"}
	}
	data, err := os.ReadFile(filepath.Join(s.Dir, name))
	if err != nil {
		return Report{}, err
	}
	reports, err := Decode(data, 1)
	if err != nil {
		return Report{}, err
	}
	return reports[0], nil
}

// remove takes a report out; another process may have been faster.
func (s *Spool) remove(name string) error {
	err := os.Remove(filepath.Join(s.Dir, name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// reject puts a report aside that will never be taken, for people to look at.
func (s *Spool) reject(name string) error {
	dir := filepath.Join(s.Dir, "rejected")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	err := os.Rename(filepath.Join(s.Dir, name), filepath.Join(dir, name))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	old, err := (&Spool{Dir: dir}).names()
	if err != nil {
		return err
	}
	for _, n := range old[:max(0, len(old)-keptRejected)] {
		_ = os.Remove(filepath.Join(dir, n)) // tried again the next time
	}
	return nil
}
