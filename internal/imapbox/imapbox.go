// Package imapbox reads the mails of an IMAP folder, each at least once, and marks
// or moves those that are done with. It judges none of them.
package imapbox

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/emersion/go-imap/v2"

	"vigie/internal/mailauth"
)

const (
	schema = 1
	// batch is how many mails are asked for their size at once, and after how
	// many the place in the mailbox is written down.
	batch = 100
	// Patience is how often a mail that cannot be fetched is tried before the
	// ones behind it go first.
	Patience = 3
	// Beginning is what is fetched of a mail that is too long.
	Beginning = 64 << 10
	// chatter bounds what a server may say beside mails.
	chatter = 16 << 20
)

// ErrFull is what Take says of a mail for which there is no room now. It stays in
// the folder and is tried again.
var ErrFull = errors.New("there is no room for the mail")

// Mail is what is known of a mail beside its text.
type Mail struct {
	Received time.Time
	// UID and UIDValidity are its place in the folder.
	UID, UIDValidity uint32
	// Size is that of the whole mail, of which only the beginning is given if it
	// is Cut: it was too long to be read.
	Size int64
	Cut  bool
}

// Options say where the folder is, and what becomes of its mails.
type Options struct {
	Address  string // host and port
	Security string // tls, starttls or none
	Username string
	Folder   string
	// MarkSeen and MoveTo are what is done with mails that are done with; nothing
	// when neither is set.
	MarkSeen bool
	MoveTo   string
	// Lookback is how far back the folder is read for the first time.
	Lookback time.Duration
	// Limit is the size of a mail of which no more than the beginning is fetched.
	Limit int64
	// TLS makes the client's settings; the server's name is filled in.
	TLS func() (*tls.Config, error)
	// Password reads the password. Bearer, where it is set, gives a token in its
	// place: another one than that which was refused.
	Password func() (string, error)
	Bearer   func(ctx context.Context, refused string) (string, error)
	// Mechanisms are those that take a token; the first that is offered is used.
	Mechanisms []string
	// Load and Save keep the place in the folder; Load gives nothing at first.
	Load func() ([]byte, error)
	Save func([]byte) error
	// Where names what Load and Save keep it in, for people.
	Where string
	// Take takes in a mail and reports whether it is still needed in the folder.
	Take func(Mail, []byte) (kept bool, err error)
	Now  func() time.Time
}

// Box reads a folder. One connection is made for each visit: nothing has to
// survive in it.
type Box struct {
	Options

	mu    sync.Mutex
	place *place // nil until first needed
	again bool   // what was left is tried once in the life of the box

	onlyRead bool   // mails are neither marked nor moved
	target   string // full name of the folder to which mails are moved, once it was found
}

// place is how far the folder was read. It is written after the mails are safe;
// after a crash some come twice, which does nothing.
type place struct {
	Schema      int         `json:"schema"`
	Mailbox     string      `json:"mailbox"`
	UIDValidity uint32      `json:"uid_validity"`
	Last        imap.UID    `json:"last_uid"`
	Left        imap.UIDSet `json:"left,omitempty"` // mails for which there is no room
	Bad         imap.UIDSet `json:"bad,omitempty"`  // mails that the server does not give
	Tidy        imap.UIDSet `json:"tidy,omitempty"` // done with, not yet marked or moved
	Stuck       imap.UID    `json:"stuck,omitempty"`
	Tries       int         `json:"tries,omitempty"`
}

// New makes a box; it touches nothing before its first visit.
func New(o Options) *Box {
	if len(o.Mechanisms) == 0 {
		o.Mechanisms = Mechanisms()
	}
	return &Box{Options: o}
}

// Mechanisms are those by which a token is presented unless others are named.
func Mechanisms() []string { return []string{mailauth.OAuthBearer, mailauth.XOAuth2} }

// OnlyRead has all later visits change nothing in the folder. One to which mails
// could not be moved is then an error of the whole visit.
func (b *Box) OnlyRead() { b.onlyRead = true }

// keeps tells that mails stay as they are.
func (b *Box) keeps() bool { return !b.MarkSeen && b.MoveTo == "" }

// name is of the folder: another one begins anew.
func (b *Box) name() string { return b.Username + "@" + b.Address + "/" + b.Folder }

func (b *Box) load() error {
	if b.place != nil {
		return nil
	}
	data, err := b.Options.Load()
	if err != nil {
		return err
	}
	p := &place{}
	if len(data) > 0 {
		if err := json.Unmarshal(data, p); err != nil || p.Schema != schema {
			return fmt.Errorf("%s: damaged or of another version; move it away to read the mailbox anew", b.Where)
		}
	}
	if p.Mailbox != b.name() {
		p = &place{Mailbox: b.name()}
	}
	p.Schema = schema
	b.place = p
	return nil
}

func (b *Box) save() error {
	data, err := json.Marshal(b.place)
	if err != nil {
		return err
	}
	return b.Options.Save(data)
}

// Done tells that a mail which was kept is kept no more: it may be marked or moved
// at the next visit.
func (b *Box) Done(m Mail) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.keeps() || m.UID == 0 || b.load() != nil || m.UIDValidity != b.place.UIDValidity {
		return
	}
	b.place.Tidy.AddNum(imap.UID(m.UID))
	_ = b.save() // if it fails the mail stays where it is, which harms nobody
}

// Visited is what a visit came to.
type Visited struct {
	Read    int   // mails
	Waiting int   // mails that had to stay
	Untidy  error // why those that are done with are neither marked nor moved
	Tidied  bool  // they were to be
}

// Visit reads what came since the last one. Its errors are of type [*Error].
func (b *Box) Visit(ctx context.Context) (Visited, error) {
	b.mu.Lock()
	err := b.load()
	b.mu.Unlock()
	if err != nil {
		return Visited{}, &Error{Reason: State, Err: err}
	}
	v := &visit{Box: b}
	defer v.leave()
	out, err := v.run(ctx)
	err = v.farewell(ctx, err)
	b.mu.Lock()
	defer b.mu.Unlock()
	if err == nil || v.selected {
		if serr := b.save(); serr != nil && err == nil {
			err = &Error{Reason: State, Err: serr}
		}
	}
	out.Waiting = count(b.place.Left) + count(b.place.Bad)
	return out, err
}
