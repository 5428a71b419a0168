// Package kept keeps sessions, and forms that came after theirs had ended, until the
// same person has logged in again.
package kept

import (
	"crypto/rand"
	"net/url"
	"sync"
	"time"
)

// Form is what somebody had typed.
type Form struct {
	// Page is the path of the page on which it stood. Do is the last word of the path
	// to which it was sent, Of what stands there for the thing that it is about.
	Page, Do, Of string
	Values       url.Values
	// Who had the session that ended.
	Who string
	at  time.Time
}

const (
	// most bounds how many are kept, maxForm how long each may be: whoever has no
	// session must not fill the memory.
	most    = 200
	maxForm = 32 << 10
	// age is how long one is kept.
	age = 12 * time.Hour
)

// Forms are those that are kept; the oldest make room for new ones.
type Forms struct {
	mu    sync.Mutex
	byKey map[string]Form
	order []string
}

// New returns a place for forms.
func New() *Forms { return &Forms{byKey: map[string]Form{}} }

// Put keeps a form and returns the key under which [Forms.Take] finds it; "" for one
// that is too long to be kept.
func (f *Forms) Put(form Form, now time.Time) string {
	if len(form.Values.Encode()) > maxForm {
		return ""
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for len(f.order) > 0 && (len(f.order) >= most || now.Sub(f.byKey[f.order[0]].at) > age) {
		delete(f.byKey, f.order[0])
		f.order = f.order[1:]
	}
	key := rand.Text()
	form.at = now
	f.byKey[key] = form
	f.order = append(f.order, key)
	return key
}

// Look returns a form that is kept; nil when there is none.
func (f *Forms) Look(key string, now time.Time) *Form {
	f.mu.Lock()
	defer f.mu.Unlock()
	form, found := f.byKey[key]
	if !found || now.Sub(form.at) > age {
		return nil
	}
	return &form
}

// Drop forgets one.
func (f *Forms) Drop(key string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.byKey, key) // its place in the order goes with the oldest
}
