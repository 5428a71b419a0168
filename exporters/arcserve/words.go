package arcserve

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"vigie/exporters"
)

// The job types that published programs name.
const (
	typeBackup       = 0  // of a node with an agent
	typeVMBackup     = 3  // of a virtual machine
	typeCatalog      = 11 // file system catalog
	typeMerge        = 15 // of sessions on a recovery point server
	typeReplicate    = 22 // to another recovery point server
	typeCatalogVM    = 32
	typePurge        = 51
	defaultMaxRows   = 200_000
	maxUnknownValues = 1000
)

// state says how far a job is.
type state uint8

const (
	finished state = iota
	running
	waiting // planned or queued: neither a run nor running
)

// status is what a word of the product means.
type status struct {
	state  state
	result exporters.Result
}

type statusWord struct {
	word string
	status
}

// vocabulary holds the words of the product. Incomplete, Crash and
// LicenseFailed leave no whole backup.
func vocabulary() []statusWord {
	return []statusWord{
		{"Active", status{state: running}},
		{"Finished", status{result: exporters.Success}},
		{"Canceled", status{result: exporters.Cancelled}},
		{"Failed", status{result: exporters.Failed}},
		{"Incomplete", status{result: exporters.Failed}},
		{"Idle", status{state: waiting}},
		{"Waiting", status{state: waiting}},
		{"Crash", status{result: exporters.Failed}},
		{"LicenseFailed", status{result: exporters.Failed}},
		{"Missed", status{result: exporters.Missed}},
	}
}

func statusWords() []string {
	var out []string
	for _, w := range vocabulary() {
		out = append(out, w.word)
	}
	return out
}

// statusOf reads a word without regard to case; a word that is not known is
// a finished job of unknown result.
func statusOf(word string) (status, bool) {
	for _, w := range vocabulary() {
		if strings.EqualFold(w.word, strings.TrimSpace(word)) {
			return w.status, true
		}
	}
	return status{result: exporters.Unknown}, false
}

// status reads a word, or a number for which a word is configured.
func (c *Config) status(text string) (status, bool) {
	if n, err := strconv.Atoi(strings.TrimSpace(text)); err == nil {
		return statusOf(c.JobStatuses[n])
	}
	return statusOf(text)
}

// objectType gives the product's word for the type of a backup, empty for
// other jobs; known is false for a type that published programs do not name.
func (c *Config) objectType(text string) (word string, known bool) {
	n, err := strconv.Atoi(strings.TrimSpace(text))
	switch {
	case err != nil:
		return "", false
	case slices.Contains(c.BackupJobTypes, n) && n == typeBackup:
		return "BACKUP", true
	case slices.Contains(c.BackupJobTypes, n) && n == typeVMBackup:
		return "VM_BACKUP", true
	case slices.Contains(c.BackupJobTypes, n):
		return "job type " + strconv.Itoa(n), true
	}
	known = slices.Contains([]int{typeBackup, typeVMBackup, typeCatalog, typeMerge, typeReplicate, typeCatalogVM, typePurge}, n)
	return "", known
}

// oddities counts each value that is not known once.
type oddities map[string]bool

func (o oddities) count(out *exporters.Snapshot, field, value string) {
	key := field + "=" + strings.ToLower(value)
	if !o[key] && len(o) < maxUnknownValues {
		o[key] = true
		out.CountUnknown(field)
	}
}

// firstOf gives the first text that is not blank.
func firstOf(texts ...string) string {
	for i := range texts {
		texts[i] = strings.TrimSpace(texts[i])
	}
	return cmp.Or(texts...)
}
