package winevent

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"vigie/exporters"
)

// Collected is a folder into which a Windows machine exports its logs, for
// machines on which no exporter may run: deploy/scripts/export-events.ps1 does
// so. Sources hold it as an optional setting.
type Collected struct {
	Folder string `yaml:"folder"`
	// MaxAge is how old an export may be and still be believed; 26 hours.
	// Beyond it the source counts as not read.
	MaxAge exporters.Duration `yaml:"max_age"`
}

// aheadAtMost is how far in the future the date of an export may lie.
const aheadAtMost = time.Hour

// Validate fills in defaults and checks. Dir is the folder to which relative
// names refer; machine is the one that the configuration names.
func (c *Collected) Validate(dir, machine string) error {
	if c == nil {
		return nil
	}
	const hour = exporters.Duration(time.Hour)
	switch {
	case c.Folder == "":
		return &exporters.ConfigError{Key: "collected.folder", What: "missing", Cure: "name the folder into which the machine exports its logs"}
	case machine == "":
		return &exporters.ConfigError{Key: "machine", What: "missing", Cure: "name the machine whose logs lie in the folder: it is not this one"}
	}
	c.Folder = exporters.InDir(dir, c.Folder)
	return exporters.Bounded[exporters.Duration]{Key: "collected.max_age", Value: &c.MaxAge, Unset: 26 * hour, Smallest: hour / 12}.Validate()
}

// FileOf names the export of a log.
func FileOf(channel string) string { return strings.ReplaceAll(channel, "/", "-") + ".xml" }

// Reader reads the exports. Now tells their age.
func (c *Collected) Reader(now func() time.Time) Reader {
	return func(_ context.Context, q Query) ([]Event, error) {
		data, err := c.Read(q.Channel, FileOf(q.Channel), now())
		if err != nil {
			return nil, err
		}
		events, err := Parse(data)
		if err == nil && !rooted(data) {
			err = errors.New("the events stand in no common element, so that their end cannot be seen: export with wevtutil's option /e:Events")
		}
		if err != nil {
			return nil, &exporters.SourceError{Endpoint: q.Channel, Reason: exporters.ReasonMalformed, Err: err}
		}
		return slices.DeleteFunc(events, func(e Event) bool { return e.Unread == "" && !q.selects(&e) }), nil
	}
}

// rooted tells whether a document has an element around its events: without
// one, an export that was cut between two events looks whole.
func rooted(data []byte) bool {
	text, err := Text(data)
	if err != nil {
		return false
	}
	text = strings.TrimSpace(text)
	return !strings.HasSuffix(text, "</Event>") && strings.HasSuffix(text, ">")
}

// selects is what the path of a query says to Windows.
func (q *Query) selects(e *Event) bool {
	return (q.Provider == "" || e.Provider == q.Provider) && (len(q.IDs) == 0 || slices.Contains(q.IDs, e.ID)) && !e.Time.Before(q.Since)
}

// Read gives a file of the folder. Endpoint names it in errors.
func (c *Collected) Read(endpoint, name string, now time.Time) ([]byte, error) {
	bad := func(reason exporters.Reason, err error) ([]byte, error) {
		return nil, &exporters.SourceError{Endpoint: endpoint, Reason: reason, Err: err}
	}
	f, err := os.Open(filepath.Join(c.Folder, name))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return bad(exporters.ReasonNotFound, err)
	case errors.Is(err, fs.ErrPermission):
		return bad(exporters.ReasonForbidden, err)
	case err != nil:
		return bad(exporters.ReasonOther, err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return bad(exporters.ReasonOther, err)
	}
	if !info.Mode().IsRegular() {
		return bad(exporters.ReasonMalformed, fmt.Errorf("%s is no file", name))
	}
	switch age := now.Sub(info.ModTime()).Round(time.Second); {
	case age > time.Duration(c.MaxAge):
		return bad(exporters.ReasonTimeout, fmt.Errorf("%s was exported %s ago, more than max_age: does the task on the machine still run?", name, age))
	case age < -aheadAtMost:
		// Its age could not be told for as long: it would be believed however old it is.
		return bad(exporters.ReasonMalformed, fmt.Errorf("%s is dated %s in the future: set the machine's clock, and export again", name, -age))
	}
	data, err := io.ReadAll(io.LimitReader(f, maxOutput+1))
	switch {
	case err != nil:
		return bad(exporters.ReasonOther, err)
	case len(data) > maxOutput:
		return bad(exporters.ReasonIncomplete, fmt.Errorf("%s has more than %d bytes", name, maxOutput))
	}
	return data, nil
}
