// Package memory holds the small things that the receiver's loops remember between
// two turns. Each is ready to use, safe for several goroutines, and gone with the
// process: what must survive it is in the store.
package memory

import (
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"vigie/receiver/notify"
)

// Outages remembers since when something does not answer.
type Outages struct {
	mu    sync.Mutex
	since map[string]time.Time
	why   map[string]error
}

// Note keeps what came of asking name.
func (o *Outages) Note(name string, err error, now time.Time) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.since == nil {
		o.since, o.why = map[string]time.Time{}, map[string]error{}
	}
	if err == nil {
		delete(o.since, name)
		return
	}
	if _, known := o.since[name]; !known {
		o.since[name] = now
	}
	o.why[name] = err
}

// Over returns since when name does not answer, and why, once that lasts longer
// than limit.
func (o *Outages) Over(name string, limit time.Duration, now time.Time) (since time.Time, why error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if at, out := o.since[name]; out && now.Sub(at) >= limit {
		return at, o.why[name]
	}
	return time.Time{}, nil
}

// Out reports whether name does not answer at the moment.
func (o *Outages) Out(name string) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	_, out := o.since[name]
	return out
}

// Issues are the faults of the data that firing signals show.
type Issues struct {
	mu     sync.Mutex
	by     map[string]faulty // by fingerprint
	latest faulty            // the latest signal; name and faults of the next are mostly the same
}

// faulty is a signal that shows faults.
type faulty struct {
	name  string
	found []string
}

// maxIssues bounds how many faulty signals are remembered.
const maxIssues = 100_000

// Set keeps the faults of one signal, which is of that name; none when it is well.
func (i *Issues) Set(fingerprint, name string, found []string) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if len(found) == 0 {
		delete(i.by, fingerprint)
		return
	}
	if i.by == nil {
		i.by = map[string]faulty{}
	}
	if i.latest.name != name {
		i.latest.name = name
	}
	if !slices.Equal(i.latest.found, found) {
		i.latest.found = slices.Clone(found)
	}
	if _, known := i.by[fingerprint]; known || len(i.by) < maxIssues {
		i.by[fingerprint] = i.latest
	}
}

// Names are what shows each fault, sorted and each once.
func (i *Issues) Names() map[string][]string {
	i.mu.Lock()
	defer i.mu.Unlock()
	out := map[string][]string{}
	for _, f := range i.by {
		for _, issue := range f.found {
			if f.name != "" {
				out[issue] = append(out[issue], f.name)
			}
		}
	}
	for issue, names := range out {
		slices.Sort(names)
		out[issue] = slices.Compact(names)
	}
	return out
}

// Counts is how many signals show each fault.
func (i *Issues) Counts() map[string]int {
	i.mu.Lock()
	defer i.mu.Unlock()
	n := map[string]int{}
	for _, f := range i.by {
		for _, issue := range f.found {
			n[issue]++
		}
	}
	return n
}

// Unready remembers bundles that could not be made into a message.
type Unready struct {
	mu    sync.Mutex
	until map[string]time.Time
}

// All returns the bundles that are not to be tried yet.
func (r *Unready) All(now time.Time) []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	maps.DeleteFunc(r.until, func(_ string, until time.Time) bool { return !until.After(now) })
	return slices.Sorted(maps.Keys(r.until))
}

// Put keeps one back until then.
func (r *Unready) Put(key string, until time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.until == nil {
		r.until = map[string]time.Time{}
	}
	r.until[key] = until
}

// Forget lets all be tried.
func (r *Unready) Forget() {
	r.mu.Lock()
	defer r.mu.Unlock()
	clear(r.until)
}

// Causes are why the latest transmission of each channel did not succeed.
type Causes struct {
	mu        sync.Mutex
	byChannel map[string]string // "" is mail
}

// Set keeps why a transmission by a channel was not accepted; nil is a success.
func (c *Causes) Set(channel string, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err == nil {
		delete(c.byChannel, channel)
		return
	}
	text := err.Error()
	if words := notify.SubjectOf(err).Words(); len(words) > 0 {
		text = strings.Join(words, "\n") + "\n" + text
	}
	if c.byChannel == nil {
		c.byChannel = map[string]string{}
	}
	c.byChannel[channel] = text
}

// Get returns the channels that fail, mail as "" first, and what they say.
func (c *Causes) Get() (channels, texts []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, channel := range slices.Sorted(maps.Keys(c.byChannel)) {
		channels, texts = append(channels, channel), append(texts, c.byChannel[channel])
	}
	return channels, texts
}

// Window counts the calls of a window.
type Window struct {
	mu    sync.Mutex
	since time.Time
	kept  int
}

// MayKeep reports whether one more call of this window is kept in words.
func (m *Window) MayKeep(now time.Time, window time.Duration, most int) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if now.Sub(m.since) >= window || now.Before(m.since) {
		m.since, m.kept = now, 0
	}
	m.kept++
	return m.kept <= most
}
