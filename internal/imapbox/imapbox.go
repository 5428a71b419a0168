// Package imapbox reads the mails of an IMAP folder, each at least once, and marks
// or moves those that are done with. It judges none of them.
package imapbox

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"
	"github.com/emersion/go-sasl"

	"vigie/internal/mailauth"
	"vigie/internal/mailread"
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

// Reason is why a visit failed.
type Reason string

// The reasons.
const (
	Auth        Reason = "auth"        // the login was refused
	Forbidden   Reason = "forbidden"   // the name and password are right, and may not read here
	Throttled   Reason = "throttled"   // the server asks to come back later
	NotFound    Reason = "not_found"   // there is no such folder
	Server      Reason = "server"      // the server refuses
	Unreachable Reason = "unreachable" // no connection
	Timeout     Reason = "timeout"     // too slow
	Malformed   Reason = "malformed"   // an answer that cannot be read
	State       Reason = "state"       // what we keep ourselves
)

// Error is why a visit failed. After says that it is about marking and moving.
type Error struct {
	Reason Reason
	After  bool
	Err    error
}

func (e *Error) Error() string { return string(e.Reason) + ": " + e.Err.Error() }

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Err }

// count is without listing: a range may be long.
func count(set imap.UIDSet) int {
	n := 0
	for _, r := range set {
		n += int(r.Stop-r.Start) + 1
	}
	return n
}

// visit is one connection.
type visit struct {
	*Box
	conn     *allowance
	client   *imapclient.Client
	selected bool
	read     int
	last     lastLine
	begun    bool // the greeting was heard
	secret   bool // the password or token was sent, and not yet taken
}

func (v *visit) run(ctx context.Context) (out Visited, err error) {
	stop, err := v.connect(ctx)
	if err != nil {
		return out, greetingFault(ctx, err)
	}
	defer stop()
	v.begun = true
	if err := v.login(ctx); err != nil {
		return out, err
	}
	v.secret = false
	next, err := v.enter(ctx)
	if err != nil {
		return out, err
	}
	unmovable := v.checkTarget()
	if unmovable != nil && v.onlyRead {
		return out, fault(ctx, Unreachable, unmovable)
	}
	uids, err := v.search()
	if err != nil {
		return out, fault(ctx, Unreachable, err)
	}
	if err := v.fetchAll(ctx, uids); err != nil {
		return out, err
	}
	v.Box.mu.Lock()
	if next > 0 && v.place.Last < next-1 {
		v.place.Last = next - 1 // older mails than the look-back holds
	}
	v.Box.mu.Unlock()
	out.Read = v.read
	if !v.keeps() && !v.onlyRead {
		if unmovable == nil {
			unmovable = v.tidy(ctx)
		}
		out.Tidied = true
		if unmovable != nil {
			out.Untidy = fault(ctx, Unreachable, unmovable)
		}
	}
	return out, v.fetchLeft(ctx)
}

// fault gives an error of the conversation its reason.
func fault(ctx context.Context, reason Reason, err error) error {
	var se *Error
	if errors.As(err, &se) {
		return err
	}
	var refused *imap.Error
	switch {
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		reason = Timeout
	case errors.As(err, &refused):
		reason = Server
	case errors.Is(err, errChatter):
		reason = Malformed
	}
	return &Error{Reason: reason, Err: mailread.CleanError(err)}
}

// allowance bounds what is read from a server, whatever it announces.
type allowance struct {
	net.Conn
	left atomic.Int64
}

var errChatter = errors.New("the server says more than it was asked for")

func (a *allowance) Read(p []byte) (int, error) {
	if a.left.Load() <= 0 {
		return 0, errChatter
	}
	n, err := a.Conn.Read(p)
	a.left.Add(-int64(n))
	return n, err
}

func (v *visit) connect(ctx context.Context) (func() bool, error) {
	conf, err := v.TLS()
	if err != nil {
		return nil, err
	}
	if host, _, err := net.SplitHostPort(v.Address); conf.ServerName == "" && err == nil {
		conf.ServerName = host
	}
	wire, err := new(net.Dialer).DialContext(ctx, "tcp", v.Address)
	if err != nil {
		return nil, err
	}
	// The library knows no context: when it ends, so does the connection.
	stop := context.AfterFunc(ctx, func() { _ = wire.Close() })
	conn := wire
	if v.Security == "tls" {
		secure := tls.Client(conn, conf)
		if err := secure.HandshakeContext(ctx); err != nil {
			stop()
			_ = conn.Close()
			return nil, err
		}
		conn = secure
	}
	v.conn = &allowance{Conn: conn}
	v.conn.left.Store(chatter)
	o := &imapclient.Options{TLSConfig: conf, DebugWriter: &v.last}
	if v.Security == "starttls" {
		v.client, err = imapclient.NewStartTLS(v.conn, o)
	} else {
		v.client = imapclient.New(v.conn, o)
		err = v.client.WaitGreeting()
	}
	if err != nil {
		stop()
		_ = conn.Close()
		return nil, err
	}
	return stop, nil
}

func (v *visit) leave() {
	if v.client != nil {
		_ = v.client.Close()
	}
}

func (v *visit) login(ctx context.Context) error {
	if v.Bearer != nil {
		return v.bearer(ctx)
	}
	password, err := v.Password()
	if err != nil {
		return &Error{Reason: Auth, Err: err}
	}
	caps := v.client.Caps()
	if bye := v.last.bye(); bye != nil {
		return v.byeFault(bye)
	}
	v.secret = true
	if caps.Has(imap.AuthCap("PLAIN")) {
		err = v.client.Authenticate(sasl.NewPlainClient("", v.Username, password))
	} else if caps.Has(imap.CapLoginDisabled) {
		return &Error{Reason: Auth, Err: errors.New("the server takes no password here: " + v.unsaid())}
	} else {
		err = v.client.Login(v.Username, password).Wait()
	}
	return v.loginFault(ctx, err, "the server refuses the name or the password")
}

// enter opens the folder, and begins anew if it is another than before. It
// gives the UID that the next mail will have, 0 if the server does not tell.
func (v *visit) enter(ctx context.Context) (imap.UID, error) {
	how := &imap.SelectOptions{ReadOnly: v.keeps() || v.onlyRead}
	data, err := v.client.Select(v.Folder, how).Wait()
	var refused *imap.Error
	if errors.As(err, &refused) {
		if full, lerr := v.find(v.Folder); lerr == nil && full != "" && full != v.Folder {
			data, err = v.client.Select(full, how).Wait()
		}
	}
	switch {
	case errors.As(err, &refused):
		return 0, &Error{Reason: NotFound, Err: fmt.Errorf("mailbox %q: %w%s", v.Folder, mailread.CleanError(err), v.folders())}
	case err != nil:
		return 0, fault(ctx, Unreachable, err)
	case data.UIDValidity == 0:
		return 0, &Error{Reason: Malformed, Err: errors.New("the server gives mails no lasting numbers (UIDVALIDITY)")}
	}
	v.Box.mu.Lock()
	defer v.Box.mu.Unlock()
	v.selected = true
	if v.place.UIDValidity != data.UIDValidity {
		*v.place = place{Schema: schema, Mailbox: v.name(), UIDValidity: data.UIDValidity}
	}
	return data.UIDNext, nil
}

// search lists the mails that came since, in their order.
func (v *visit) search() ([]imap.UID, error) {
	last := v.place.Last
	criteria := &imap.SearchCriteria{UID: []imap.UIDSet{{{Start: last + 1, Stop: 0}}}}
	if last == 0 {
		// A day more: the server counts days in its own zone.
		criteria = &imap.SearchCriteria{Since: v.Now().Add(-v.Lookback).AddDate(0, 0, -1)}
	}
	data, err := v.client.UIDSearch(criteria, nil).Wait()
	if err != nil {
		return nil, err
	}
	var out []imap.UID
	for _, uid := range data.AllUIDs() {
		if uid > last { // "n:*" is never empty: the last mail fits it
			out = append(out, uid)
		}
	}
	slices.Sort(out)
	return slices.Compact(out), nil
}

// attributes are what is known of a mail before it is fetched.
type attributes struct {
	size     int64
	received time.Time
}

func (v *visit) fetchAll(ctx context.Context, uids []imap.UID) error {
	for chunk := range slices.Chunk(uids, batch) {
		known, err := v.attributes(chunk)
		if err != nil {
			return fault(ctx, Unreachable, err)
		}
		for _, uid := range chunk {
			f, there := known[uid]
			if there {
				kept, err := v.bring(ctx, uid, f)
				if err != nil && !errors.Is(err, ErrFull) {
					return v.stuck(ctx, uid, err)
				}
				v.note(uid, kept, err)
			}
			v.Box.mu.Lock()
			v.place.Last, v.place.Stuck, v.place.Tries = uid, 0, 0
			v.Box.mu.Unlock()
		}
		v.Box.mu.Lock()
		err = v.save()
		v.Box.mu.Unlock()
		if err != nil {
			return &Error{Reason: State, Err: err}
		}
	}
	return nil
}

// note writes down what is still to be done for a mail.
func (v *visit) note(uid imap.UID, kept bool, err error) {
	v.Box.mu.Lock()
	defer v.Box.mu.Unlock()
	switch {
	case errors.Is(err, ErrFull):
		v.place.Left.AddNum(uid)
	case !kept && !v.keeps():
		v.place.Tidy.AddNum(uid)
	}
}

// stuck counts the failures at one mail, so that it does not bar the way of
// those behind it for ever.
func (v *visit) stuck(ctx context.Context, uid imap.UID, err error) error {
	var own *storeError
	if errors.As(err, &own) || errors.Is(ctx.Err(), context.Canceled) {
		return fault(ctx, State, err)
	}
	if v.last.bye() != nil {
		return fault(ctx, Unreachable, err) // the server's doing, not the mail's
	}
	v.Box.mu.Lock()
	defer v.Box.mu.Unlock()
	if v.place.Stuck != uid {
		v.place.Stuck, v.place.Tries = uid, 0
	}
	if v.place.Tries++; v.place.Tries >= Patience {
		v.place.Bad.AddNum(uid)
		v.place.Last, v.place.Stuck, v.place.Tries = uid, 0, 0
	}
	return fault(ctx, Unreachable, err)
}

// storeError is a failure on our side, for which no mail is to blame.
type storeError struct{ err error }

func (e *storeError) Error() string { return e.err.Error() }
func (e *storeError) Unwrap() error { return e.err }

func (v *visit) attributes(uids []imap.UID) (map[imap.UID]attributes, error) {
	v.conn.left.Store(chatter)
	cmd := v.client.Fetch(imap.UIDSetNum(uids...), &imap.FetchOptions{UID: true, RFC822Size: true, InternalDate: true})
	out := map[imap.UID]attributes{}
	for m := cmd.Next(); m != nil; m = cmd.Next() {
		var uid imap.UID
		var f attributes
		for item := m.Next(); item != nil; item = m.Next() {
			switch item := item.(type) {
			case imapclient.FetchItemDataUID:
				uid = item.UID
			case imapclient.FetchItemDataRFC822Size:
				f.size = item.Size
			case imapclient.FetchItemDataInternalDate:
				f.received = item.Time
			}
		}
		out[uid] = f
	}
	return out, cmd.Close()
}

// bring fetches one mail and hands it over.
func (v *visit) bring(ctx context.Context, uid imap.UID, f attributes) (kept bool, err error) {
	env := Mail{Received: f.received.UTC(), UID: uint32(uid), UIDValidity: v.place.UIDValidity, Size: f.size, Cut: f.size > v.Limit}
	if now := v.Now().UTC(); f.received.IsZero() || env.Received.After(now) {
		env.Received = now
	}
	raw, err := v.fetch(uid, env)
	if err != nil || raw == nil {
		return false, err
	}
	if int64(len(raw)) > v.Limit {
		raw, env.Cut = raw[:Beginning], true
	}
	env.Size = max(env.Size, int64(len(raw)))
	v.read++
	kept, err = v.Take(env, raw)
	if err != nil && !errors.Is(err, ErrFull) {
		err = &storeError{err}
	}
	return kept, err
}

// fetch gives nil for a mail that went away.
func (v *visit) fetch(uid imap.UID, env Mail) ([]byte, error) {
	section := &imap.FetchItemBodySection{Peek: true}
	limit := v.Limit + 1
	if env.Cut {
		section.Partial, limit = &imap.SectionPartial{Size: Beginning}, Beginning
	}
	v.conn.left.Store(2*limit + chatter)
	cmd := v.client.Fetch(imap.UIDSetNum(uid), &imap.FetchOptions{UID: true, BodySection: []*imap.FetchItemBodySection{section}})
	var raw []byte
	for m := cmd.Next(); m != nil; m = cmd.Next() {
		var got imap.UID
		var body []byte
		for item := m.Next(); item != nil; item = m.Next() {
			switch item := item.(type) {
			case imapclient.FetchItemDataUID:
				got = item.UID
			case imapclient.FetchItemDataBodySection:
				if item.Literal == nil {
					continue
				}
				var err error
				if body, err = v.literal(item.Literal, limit); err != nil {
					// The command is left as it is: closing it would read what
					// the library's decoder reads by now.
					return nil, err
				}
			}
		}
		if got == uid && body != nil {
			raw = body
		}
	}
	return raw, cmd.Close()
}

// literal reads a mail's bytes up to a limit. After an error the connection is
// closed, and the literal must not be touched again.
func (v *visit) literal(lit imap.LiteralReader, limit int64) ([]byte, error) {
	size := lit.Size()
	if size > limit+chatter {
		_ = v.conn.Close()
		_, _ = io.Copy(io.Discard, lit) // lets the decoder go on, to its end
		return nil, errChatter
	}
	body, err := io.ReadAll(io.LimitReader(lit, limit))
	if err == nil && int64(len(body)) < min(size, limit) {
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		_ = v.conn.Close()
		return nil, err
	}
	return body, nil
}

// tidy marks or moves the mails that are done with. What fails is tried again
// at the next visit.
func (v *visit) tidy(ctx context.Context) error {
	v.Box.mu.Lock()
	set := slices.Clone(v.place.Tidy)
	v.Box.mu.Unlock()
	if len(set) == 0 {
		return nil
	}
	v.conn.left.Store(chatter)
	if err := v.put(set); err != nil {
		v.target = "" // it may be gone
		return fault(ctx, Unreachable, err)
	}
	v.Box.mu.Lock()
	defer v.Box.mu.Unlock()
	v.place.Tidy = without(v.place.Tidy, set)
	return nil
}

func (v *visit) put(set imap.UIDSet) error {
	if v.MoveTo == "" {
		return v.client.Store(set, &imap.StoreFlags{Op: imap.StoreFlagsAdd, Silent: true, Flags: []imap.Flag{imap.FlagSeen}}, nil).Close()
	}
	caps := v.client.Caps()
	switch {
	case caps.Has(imap.CapMove):
		_, err := v.client.Move(set, v.target).Wait()
		return err
	case !caps.Has(imap.CapUIDPlus):
		// Expunging would take away what others marked.
		return errors.New("the server can move no single mails; write after: seen")
	}
	// The library's own way would not wait for the copy.
	if _, err := v.client.Copy(set, v.target).Wait(); err != nil {
		return fmt.Errorf("the mails stay, since they cannot be copied to %q: %w", v.target, err)
	}
	if err := v.client.Store(set, &imap.StoreFlags{Op: imap.StoreFlagsAdd, Silent: true, Flags: []imap.Flag{imap.FlagDeleted}}, nil).Close(); err != nil {
		return err
	}
	return v.client.UIDExpunge(set).Close()
}

func without(set, minus imap.UIDSet) imap.UIDSet {
	var out imap.UIDSet
	uids, _ := set.Nums()
	for _, uid := range uids {
		if !minus.Contains(uid) {
			out.AddNum(uid)
		}
	}
	return out
}

// fetchLeft tries again what had to stay: the unsorted as long as there is
// room, and everything once after the start, since the rules may be others.
func (v *visit) fetchLeft(ctx context.Context) error {
	v.Box.mu.Lock()
	left, _ := v.place.Left.Nums()
	bad, _ := v.place.Bad.Nums()
	once := !v.again
	v.again = true
	v.Box.mu.Unlock()
	if !once {
		bad = nil
	}
	for _, uid := range append(left, bad...) {
		known, err := v.attributes([]imap.UID{uid})
		if err != nil {
			return fault(ctx, Unreachable, err)
		}
		f, there := known[uid]
		kept := true
		if there {
			kept, err = v.bring(ctx, uid, f)
		}
		if errors.Is(err, ErrFull) {
			if once {
				continue
			}
			return nil
		}
		if err != nil {
			return fault(ctx, Unreachable, err)
		}
		v.Box.mu.Lock()
		gone := imap.UIDSetNum(uid)
		v.place.Left, v.place.Bad = without(v.place.Left, gone), without(v.place.Bad, gone)
		v.Box.mu.Unlock()
		v.note(uid, kept, nil)
	}
	return nil
}

// bearer logs in with a token. One that the server refuses is renewed once: it
// may have been withdrawn before its end.
func (v *visit) bearer(ctx context.Context) error {
	caps := v.client.Caps()
	if bye := v.last.bye(); bye != nil {
		return v.byeFault(bye)
	}
	v.secret = true
	mechanism := ""
	for _, m := range v.Mechanisms {
		if mechanism == "" && caps.Has(imap.AuthCap(m)) {
			mechanism = m
		}
	}
	if mechanism == "" {
		return &Error{Reason: Auth, Err: errors.New("the server takes neither OAUTHBEARER nor XOAUTH2 here; take oauth2 out and give a password_file")}
	}
	refused := ""
	for {
		token, err := v.Bearer(ctx, refused)
		if err != nil {
			return err
		}
		if token == refused {
			return &Error{Reason: Auth, Err: errors.New("the server refuses the token again and again")}
		}
		err = v.client.Authenticate(&mailauth.Login{Mechanism: mechanism, User: v.Username, Token: token, Address: v.Address})
		var no *imap.Error
		if err == nil || !errors.As(err, &no) || refusedFor(no) != credentials || refused != "" {
			return v.loginFault(ctx, err, "the server refuses the token for this mailbox: the application needs the right to IMAP, and to this mailbox")
		}
		refused = token
	}
}
