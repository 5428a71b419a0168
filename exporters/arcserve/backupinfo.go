package arcserve

import (
	"encoding/xml"
	"errors"
	"slices"
	"strings"

	"vigie/exporters"
)

// Info is what a BackupInfo*.xml file of an agent tells.
type Info struct {
	// Statuses are the values of Status of the BackupStatus elements.
	Statuses []string
	// Types are the types of the job, empty if the file does not tell.
	Types []string
	// End is the end of the run, zero if the file does not tell.
	End exporters.Instant
}

// ParseBackupInfo reads one file. Only <BackupStatus Status="..."> is
// documented; which attributes or elements hold the type and the end is for
// the configuration to say. A file without a status is an error.
func ParseBackupInfo(data []byte, a *Agent) (Info, error) {
	var info Info
	value := func(name, text string) {
		switch {
		case text == "":
		case slices.ContainsFunc(a.TypeNames, func(n string) bool { return strings.EqualFold(n, name) }):
			info.Types = append(info.Types, text)
		case a.EndName != "" && strings.EqualFold(a.EndName, name):
			info.End = exporters.ParseInstant(text)
		}
	}
	open := func(name string, _ int, attrs []xml.Attr) error {
		for _, at := range attrs {
			text := strings.TrimSpace(at.Value)
			if strings.EqualFold(name, "BackupStatus") && strings.EqualFold(at.Name.Local, "Status") {
				info.Statuses = append(info.Statuses, text)
			}
			value(at.Name.Local, text)
		}
		return nil
	}
	closed := func(e *element) error {
		if e.leaf {
			value(e.name, e.text)
		}
		return nil
	}
	if err := walk(data, open, closed); err != nil {
		return Info{}, err
	}
	if len(info.Statuses) == 0 {
		return Info{}, errors.New("there is no BackupStatus with a Status in it")
	}
	return info, nil
}

// skipped tells whether the job is none that saves: a resynchronisation or a
// verification. Nothing longer than a word or two is a type.
func (i *Info) skipped(a *Agent) bool {
	const longest = 64
	for _, t := range i.Types {
		for _, word := range a.SkipTypes {
			if len(t) <= longest && strings.Contains(strings.ToLower(t), strings.ToLower(word)) {
				return true
			}
		}
	}
	return false
}

// outcome is the worst of the statuses; unknown lists the words that are not
// known.
func (i *Info) outcome(c *Config) (st status, unknown []string) {
	rank := func(s status) int {
		switch {
		case s.result.Failing():
			return 4
		case s.state != finished:
			return 3
		case s.result == exporters.Unknown:
			return 2
		default:
			return 1
		}
	}
	for n, word := range i.Statuses {
		s, known := c.status(word)
		if !known {
			unknown = append(unknown, word)
		}
		if n == 0 || rank(s) > rank(st) {
			st = s
		}
	}
	return st, unknown
}
