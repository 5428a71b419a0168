package inbox

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"vigie/exporters/push"
	"vigie/internal/clip"
	"vigie/internal/imapbox"
)

var (
	errLocked = errors.New("another exporter uses the folder; give each its own")
	// errFull says that a mail which no rule reads cannot be kept.
	errFull = fullError("the list of unsorted mails is full; write rules for them, dismiss them, or raise limits.unsorted")
)

// fullError is for the mailbox, too, that there is no room.
type fullError string

func (e fullError) Error() string        { return string(e) }
func (e fullError) Is(target error) bool { return target == error(e) || target == imapbox.ErrFull }

const (
	keptSeen      = 20000 // mails remembered, so that copies do nothing
	keptDismissed = 200   // mails that a person may still get back by hand
	maxEnvelope   = 64 << 10
	previewBytes  = 2000
	previewLines  = 20
)

// envelope is what is known of a mail beside its text.
type envelope struct {
	Received time.Time `json:"received"`
	// Recipients of the SMTP conversation.
	Recipients []string `json:"recipients,omitempty"`
	// UID and UIDValidity are its place in the mailbox; 0 over SMTP.
	UID         uint32 `json:"uid,omitempty"`
	UIDValidity uint32 `json:"uid_validity,omitempty"`
	// Size is that of the whole mail, of which only the beginning is kept if
	// it is Cut: it was too long to be read.
	Size int64 `json:"size"`
	Cut  bool  `json:"cut,omitempty"`
	// Null says that the SMTP conversation named no sender, as for bounces.
	Null bool `json:"null,omitempty"`
	// Problem is why no rule read it.
	Problem string `json:"problem,omitempty"`
}

// item is an unsorted mail.
type item struct {
	id   string
	env  envelope
	file int64 // its size on disk
}

// backlog keeps what is not done: the unsorted mails, one file each, and the
// identities of mails that are. Its owner calls it from one goroutine at a time.
type backlog struct {
	dir    string
	limits Limits

	lock  *os.File
	items map[string]*item
	bytes int64
	seen  seenList
}

var itemName = regexp.MustCompile(`^[0-9a-f]{32}$`)

func (d *backlog) unsorted() string  { return filepath.Join(d.dir, "unsorted") }
func (d *backlog) dismissed() string { return filepath.Join(d.dir, "dismissed") }

// open reads what is there, once.
func (d *backlog) open() error {
	if d.items != nil {
		return nil
	}
	for _, dir := range []string{d.dir, d.unsorted(), d.dismissed()} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return err
		}
	}
	if d.lock == nil {
		f, err := os.OpenFile(filepath.Join(d.dir, "lock"), os.O_RDWR|os.O_CREATE, 0o600)
		if err != nil {
			return err
		}
		if err := lockFile(f); err != nil {
			_ = f.Close()
			return err
		}
		d.lock = f
	}
	if err := d.seen.load(filepath.Join(d.dir, "seen")); err != nil {
		return err
	}
	entries, err := os.ReadDir(d.unsorted())
	if err != nil {
		return err
	}
	items := map[string]*item{}
	var total int64
	for _, e := range entries {
		if !itemName.MatchString(e.Name()) || !e.Type().IsRegular() {
			continue // somebody else's, or the rest of a write that was cut off
		}
		env, raw, err := d.readItem(e.Name())
		if err != nil {
			return err
		}
		it := &item{id: e.Name(), env: env, file: int64(len(raw))}
		items[it.id] = it
		total += it.file
	}
	d.items, d.bytes = items, total
	return nil
}

func (d *backlog) close() {
	d.seen.close()
	if d.lock != nil {
		_ = d.lock.Close() // which ends the lock
		d.lock = nil
	}
	d.items = nil
}

func (d *backlog) readItem(id string) (envelope, []byte, error) {
	var env envelope
	data, err := readBounded(filepath.Join(d.unsorted(), id), d.limits.MessageBytes+maxEnvelope+(1<<20))
	if err != nil {
		return env, nil, err
	}
	head, raw, ok := bytes.Cut(data, []byte("\n"))
	if !ok || json.Unmarshal(head, &env) != nil {
		return env, nil, fmt.Errorf("%s: damaged; move it away", filepath.Join(d.unsorted(), id))
	}
	return env, raw, nil
}

// room tells whether another mail of that size can be kept.
func (d *backlog) room(size int64) bool {
	return len(d.items) < d.limits.Unsorted && d.bytes+size <= d.limits.UnsortedBytes
}

// put keeps a mail; when it returns nil the mail survives a loss of power.
func (d *backlog) put(id string, env envelope, raw []byte) error {
	if d.items[id] != nil {
		return d.update(id, env, raw)
	}
	if !d.room(int64(len(raw))) {
		return errFull
	}
	if err := d.update(id, env, raw); err != nil {
		return err
	}
	d.items[id] = &item{id: id, env: env, file: int64(len(raw))}
	d.bytes += int64(len(raw))
	return nil
}

func (d *backlog) update(id string, env envelope, raw []byte) error {
	head, err := json.Marshal(env)
	if err != nil {
		return err
	}
	if err := push.WriteFile(filepath.Join(d.unsorted(), id), slices.Concat(head, []byte("\n"), raw)); err != nil {
		return err
	}
	if it := d.items[id]; it != nil {
		it.env = env
	}
	return nil
}

// remove takes out a mail that was read, or dismissed by a person, and remembers it.
func (d *backlog) remove(id string, dismissed bool) error {
	it := d.items[id]
	if it == nil {
		return fs.ErrNotExist
	}
	if err := d.seen.add(id, dismissed); err != nil {
		return err
	}
	path := filepath.Join(d.unsorted(), id)
	var err error
	if dismissed {
		err = os.Rename(path, filepath.Join(d.dismissed(), id))
	} else {
		err = os.Remove(path)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	delete(d.items, id)
	d.bytes -= it.file
	if dismissed {
		return d.sweep()
	}
	return nil
}

// sweep removes the oldest dismissed mails.
func (d *backlog) sweep() error {
	entries, err := os.ReadDir(d.dismissed())
	if err != nil || len(entries) <= keptDismissed {
		return err
	}
	age := map[string]time.Time{}
	for _, e := range entries {
		if info, err := e.Info(); err == nil {
			age[e.Name()] = info.ModTime()
		}
	}
	slices.SortFunc(entries, func(a, b fs.DirEntry) int { return age[a.Name()].Compare(age[b.Name()]) })
	for _, e := range entries[:len(entries)-keptDismissed] {
		_ = os.Remove(filepath.Join(d.dismissed(), e.Name())) // tried again the next time
	}
	return nil
}

// list gives the unsorted mails, newest first.
func (d *backlog) list() []*item {
	out := make([]*item, 0, len(d.items))
	for _, it := range d.items {
		out = append(out, it)
	}
	slices.SortFunc(out, func(a, b *item) int {
		return cmp.Or(b.env.Received.Compare(a.env.Received), strings.Compare(a.id, b.id))
	})
	return out
}

// preview is the beginning of a text.
func preview(texts []string) string {
	if len(texts) == 0 {
		return ""
	}
	var out []string
	for l := range strings.Lines(texts[0]) {
		if l = strings.TrimSpace(printable(l)); l != "" && len(out) < previewLines {
			out = append(out, l)
		}
	}
	return clip.Bytes(strings.Join(out, "\n"), previewBytes)
}

// seenList remembers the identities of mails that are done with, in a file
// with one on each line.
type seenList struct {
	path  string
	ids   map[string]bool
	order []string // as in the file, oldest first
	file  *os.File
}

func (s *seenList) load(path string) error {
	s.path, s.ids, s.order = path, map[string]bool{}, nil
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer f.Close()
	scan := bufio.NewScanner(f)
	for scan.Scan() {
		// A line that was cut off is a mail that is looked at again.
		if id := scan.Text(); itemName.MatchString(id) {
			s.remember(id)
		}
	}
	return scan.Err()
}

func (s *seenList) remember(id string) {
	if !s.ids[id] {
		s.ids[id] = true
		s.order = append(s.order, id)
	}
}

func (s *seenList) has(id string) bool { return s.ids[id] }

// add remembers a mail. Only what nothing else remembers has to be flushed:
// results are known by their run ids.
func (s *seenList) add(id string, flush bool) error {
	if s.ids[id] {
		return nil
	}
	if len(s.order) >= 2*keptSeen {
		if err := s.compact(); err != nil {
			return err
		}
	}
	text := id + "\n"
	if s.file == nil {
		f, err := os.OpenFile(s.path, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o600)
		if err != nil {
			return err
		}
		s.file = f
		text = "\n" + text // ends a line that was cut off before
	}
	if _, err := s.file.WriteString(text); err != nil {
		s.close()
		return err
	}
	s.remember(id)
	if flush {
		return s.file.Sync()
	}
	return nil
}

func (s *seenList) compact() error {
	s.close()
	keep := s.order[len(s.order)-keptSeen:]
	if err := push.WriteFile(s.path, []byte(strings.Join(keep, "\n")+"\n")); err != nil {
		return err
	}
	s.ids, s.order = map[string]bool{}, nil
	for _, id := range keep {
		s.remember(id)
	}
	return nil
}

func (s *seenList) close() {
	if s.file != nil {
		_ = s.file.Close()
		s.file = nil
	}
}
