package proxmoxbackup

import (
	"errors"
	"regexp"
	"strings"

	"vigie/exporters"
)

// answer is the envelope of every list.
type answer[T any] struct {
	exporters.Rows[T]
	total exporters.Number // of lists that come in pages
}

// UnmarshalJSON refuses an answer without a list.
func (a *answer[T]) UnmarshalJSON(data []byte) error {
	var raw struct {
		Data  *exporters.Rows[T] `json:"data"`
		Total exporters.Number   `json:"total"`
	}
	if _, err := exporters.Lenient(data, &raw); err != nil {
		return err
	}
	if raw.Data == nil || raw.Data.Null || raw.Data.Unreadable(raw.Total) {
		return errors.New("there is no list in it")
	}
	*a = answer[T]{Rows: *raw.Data, total: raw.Total}
	return nil
}

// datastore is one as /status/datastore-usage tells it.
type datastore struct {
	Name exporters.Text `json:"store"`
	// Total and Avail are bytes. They are missing where the token may read some
	// namespace only, and -1 of older servers where the store cannot be opened.
	Total exporters.Number `json:"total"`
	Avail exporters.Number `json:"avail"`
	Error exporters.Text   `json:"error"`
	// Backend is told since 4.1; of any but a file system Total and Avail are those of
	// the disk that caches it.
	Backend exporters.Text `json:"backend-type"`
	// Mount is told of a datastore on a medium that is taken out at times.
	Mount exporters.Text `json:"mount-status"`
}

// cached tells that what the server says of space is said of a cache.
func (d *datastore) cached() bool { return d.Backend != "" && d.Backend.Lower() != "filesystem" }

// unmounted tells that the medium of the datastore is not in the server.
func (d *datastore) unmounted() bool { return d.Mount.Lower() == "notmounted" }

// offline tells that the server itself cannot open the datastore.
func (d *datastore) offline() bool { return d.Error != "" || d.Total.Value < 0 || d.unmounted() }

// why explains that it is offline.
func (d *datastore) why() string {
	if d.Error == "" && d.unmounted() {
		return "its medium is not mounted"
	}
	return string(d.Error)
}

type namespace struct {
	NS exporters.Text `json:"ns"`
}

// snapshot is a backup in a datastore.
type snapshot struct {
	store, ns string

	Type         exporters.Text    `json:"backup-type"`
	ID           exporters.Text    `json:"backup-id"`
	Time         exporters.Instant `json:"backup-time"` // its start
	Comment      exporters.Text    `json:"comment"`
	Owner        exporters.Text    `json:"owner"` // of the whole group: a user, or a token of one
	Size         exporters.Text    `json:"size"`  // absent without a manifest: not finished
	Verification *struct {
		State exporters.Text `json:"state"`
	} `json:"verification"`
}

func (s *snapshot) finished() bool { return s.Size != "" }

// verified gives ok, failed, a word that is not known, or nothing.
func (s *snapshot) verified() string {
	if s.Verification == nil {
		return ""
	}
	return strings.ToLower(strings.TrimSpace(string(s.Verification.State)))
}

func (s *snapshot) key() groupKey {
	return groupKey{store: s.store, ns: s.ns, kind: s.Type.Lower(), id: string(s.ID)}
}

// task is a piece of work of the server.
type task struct {
	UPID   exporters.Text    `json:"upid"`
	Type   exporters.Text    `json:"worker_type"`
	Worker exporters.Text    `json:"worker_id"`
	User   exporters.Text    `json:"user"` // who asked for it: a user, or a token of one
	Start  exporters.Instant `json:"starttime"`
	End    exporters.Instant `json:"endtime"` // absent while it runs
	Status exporters.Text    `json:"status"`  // OK, WARNINGS: n, unknown, or what went wrong
}

// group gives the group that a backup worked for. Its namespace is not told.
func (t *task) group() (groupKey, bool) {
	store, rest, ok := strings.Cut(string(t.Worker), ":")
	kind, id, ok2 := strings.Cut(rest, "/")
	if !ok || !ok2 || store == "" || kind == "" || id == "" || strings.Contains(id, "/") {
		return groupKey{}, false
	}
	return groupKey{store: store, kind: strings.ToLower(kind), id: id}, true
}

// mayBackUp tells whether the task could have added to a group of the given
// owner: the server lets the owner alone, or the user whose token owns it.
func (t *task) mayBackUp(owner string) bool {
	user, _, _ := strings.Cut(owner, "!")
	return t.User == "" || owner == "" || string(t.User) == owner || string(t.User) == user
}

// logLine is a line of a task's log.
type logLine struct {
	Text exporters.Text `json:"t"`
}

// beginning is the line by which a backup names the folder of its snapshot,
// relative to the datastore; each part of a namespace stands behind ns.
var beginning = regexp.MustCompile(`starting new backup on datastore '([^']+)'.*: "((?:ns/[^/"]+/)*)([^/"]+)/([^/"]+)/[^/"]+"$`)

// place finds the group, with its namespace, in the first lines of a log.
func place(lines []logLine) (groupKey, bool) {
	for _, l := range lines {
		if m := beginning.FindStringSubmatch(strings.TrimSpace(string(l.Text))); m != nil {
			var names []string
			for i, part := range strings.Split(m[2], "/") {
				if i%2 == 1 {
					names = append(names, part)
				}
			}
			return groupKey{store: m[1], ns: strings.Join(names, "/"), kind: strings.ToLower(m[3]), id: m[4]}, true
		}
	}
	return groupKey{}, false
}

// space is a namespace of a datastore; the root's name is empty.
type space struct{ store, ns string }

func (s space) String() string { return strings.TrimSuffix(s.store+"/"+s.ns, "/") }

// groupKey names a group: all snapshots of one machine in one namespace.
type groupKey struct{ store, ns, kind, id string }

// bare is the key without its namespace, as tasks tell it.
func (k groupKey) bare() groupKey { return groupKey{store: k.store, kind: k.kind, id: k.id} }

// job gives the job_id.
func (k groupKey) job() string {
	parts := []string{k.store}
	if k.ns != "" {
		parts = append(parts, k.ns)
	}
	return strings.Join(append(parts, k.kind, k.id), "/")
}

// parseJob is the reverse of job.
func parseJob(id string) (groupKey, bool) {
	parts := strings.Split(id, "/")
	n := len(parts)
	if n < 3 {
		return groupKey{}, false
	}
	return groupKey{store: parts[0], ns: strings.Join(parts[1:n-2], "/"), kind: parts[n-2], id: parts[n-1]}, true
}
