package inbox

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"
	"github.com/emersion/go-sasl"

	"vigie/exporters"
	"vigie/exporters/httpclient"
	"vigie/exporters/inbox/mailtoken"
	"vigie/exporters/push"
)

const (
	imapSchema = 1
	// batch is how many mails are asked for their size at once, and after how
	// many the place in the mailbox is written down.
	batch = 100
	// patience is how often a mail that cannot be fetched is tried before the
	// ones behind it go first.
	patience = 3
	// beginning is what is fetched of a mail that is too long.
	beginning = 64 << 10
	// chatter bounds what a server may say beside mails.
	chatter = 16 << 20
)

// mailbox is the door of an IMAP folder. One connection is made for each
// visit: nothing has to survive in it.
type mailbox struct {
	config *IMAPConfig
	limit  int64 // of one mail
	dir    string
	take   func(envelope, []byte) (bool, error)
	now    func() time.Time
	tokens *httpclient.TokenCache // nil where a password is enough
	// mechanisms are those that take a token; the first that is offered is used.
	mechanisms []string

	mu    sync.Mutex
	place *place // nil until first needed
	again bool   // what was left is tried once in the life of the source

	onlyRead bool   // mails are neither marked nor moved
	target   string // full name of the folder to which mails are moved, once it was found
}

// place is how far the mailbox was read. It is written after the mails are
// safe; after a crash some come twice, which does nothing.
type place struct {
	Schema      int         `json:"schema"`
	Mailbox     string      `json:"mailbox"`
	UIDValidity uint32      `json:"uid_validity"`
	Last        imap.UID    `json:"last_uid"`
	Left        imap.UIDSet `json:"left,omitempty"` // unsorted mails for which there is no room
	Bad         imap.UIDSet `json:"bad,omitempty"`  // mails that the server does not give
	Tidy        imap.UIDSet `json:"tidy,omitempty"` // done with, not yet marked or moved
	Stuck       imap.UID    `json:"stuck,omitempty"`
	Tries       int         `json:"tries,omitempty"`
}

func newMailbox(c *Config, take func(envelope, []byte) (bool, error), o exporters.SourceOptions) *mailbox {
	b := &mailbox{config: c.IMAP, limit: c.Limits.MessageBytes, dir: c.Folder, take: take, now: o.Now}
	if c.IMAP.OAuth2 != nil {
		b.tokens, b.mechanisms = mailtoken.New(c.IMAP.OAuth2, o), []string{sasl.OAuthBearer, mailtoken.XOAuth2}
	}
	return b
}

func (b *mailbox) path() string { return filepath.Join(b.dir, "imap.json") }

// name is of the folder: another one begins anew.
func (b *mailbox) name() string {
	return b.config.Username + "@" + b.config.Address + "/" + b.config.Mailbox
}

func (b *mailbox) load() error {
	if b.place != nil {
		return nil
	}
	data, err := readBounded(b.path(), 64<<20)
	p := &place{}
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return err
	default:
		if err := json.Unmarshal(data, p); err != nil || p.Schema != imapSchema {
			return fmt.Errorf("%s: damaged or of another version; move it away to read the mailbox anew", b.path())
		}
	}
	if p.Mailbox != b.name() {
		p = &place{Mailbox: b.name()}
	}
	p.Schema = imapSchema
	b.place = p
	return nil
}

func (b *mailbox) save() error {
	data, err := json.Marshal(b.place)
	if err != nil {
		return err
	}
	return push.WriteFile(b.path(), data)
}

// done implements door: the mail may be marked or moved at the next visit.
func (b *mailbox) done(env envelope) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.config.After == "keep" || env.UID == 0 || b.load() != nil || env.UIDValidity != b.place.UIDValidity {
		return
	}
	b.place.Tidy.AddNum(imap.UID(env.UID))
	_ = b.save() // if it fails the mail stays where it is, which harms nobody
}

func (b *mailbox) close() error { return nil }

func (b *mailbox) visit(ctx context.Context) ([]exporters.Endpoint, int, error) {
	b.mu.Lock()
	err := b.load()
	b.mu.Unlock()
	if err != nil {
		return nil, 0, &exporters.SourceError{Endpoint: "imap", Reason: exporters.ReasonState, Err: err}
	}
	v := &visit{mailbox: b}
	defer v.leave()
	parts, err := v.run(ctx)
	b.mu.Lock()
	defer b.mu.Unlock()
	if err == nil || v.selected {
		if serr := b.save(); serr != nil && err == nil {
			err = &exporters.SourceError{Endpoint: "imap", Reason: exporters.ReasonState, Err: serr}
		}
	}
	return parts, count(b.place.Left) + count(b.place.Bad), err
}

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
	*mailbox
	conn     *allowance
	client   *imapclient.Client
	selected bool
	read     int
}

func (v *visit) run(ctx context.Context) ([]exporters.Endpoint, error) {
	stop, err := v.connect(ctx)
	if err != nil {
		return nil, fault(ctx, exporters.ReasonUnreachable, err)
	}
	defer stop()
	if err := v.login(ctx); err != nil {
		return nil, err
	}
	next, err := v.enter(ctx)
	if err != nil {
		return nil, err
	}
	unmovable := v.checkTarget()
	if unmovable != nil && v.onlyRead {
		return nil, fault(ctx, exporters.ReasonUnreachable, unmovable)
	}
	uids, err := v.search()
	if err != nil {
		return nil, fault(ctx, exporters.ReasonUnreachable, err)
	}
	if err := v.fetchAll(ctx, uids); err != nil {
		return nil, err
	}
	v.mailbox.mu.Lock()
	if next > 0 && v.place.Last < next-1 {
		v.place.Last = next - 1 // older mails than the look-back holds
	}
	v.mailbox.mu.Unlock()
	parts := []exporters.Endpoint{{Name: "imap", Items: v.read}}
	if v.config.After != "keep" && !v.onlyRead {
		if unmovable == nil {
			unmovable = v.tidy(ctx)
		}
		after := exporters.Endpoint{Name: "imap_after"}
		if unmovable != nil {
			after.Err = fault(ctx, exporters.ReasonUnreachable, unmovable)
		}
		parts = append(parts, after)
	}
	if err := v.fetchLeft(ctx); err != nil {
		return nil, err
	}
	return parts, nil
}

// fault gives an error of the conversation its reason.
func fault(ctx context.Context, reason exporters.Reason, err error) error {
	var se *exporters.SourceError
	if errors.As(err, &se) {
		return err
	}
	var refused *imap.Error
	switch {
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		reason = exporters.ReasonTimeout
	case errors.As(err, &refused):
		reason = exporters.ReasonServer
	case errors.Is(err, errChatter):
		reason = exporters.ReasonMalformed
	}
	return &exporters.SourceError{Endpoint: "imap", Reason: reason, Err: cleanError(err)}
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
	conf, err := v.config.TLS.Build()
	if err != nil {
		return nil, err
	}
	if host, _, err := net.SplitHostPort(v.config.Address); conf.ServerName == "" && err == nil {
		conf.ServerName = host
	}
	wire, err := new(net.Dialer).DialContext(ctx, "tcp", v.config.Address)
	if err != nil {
		return nil, err
	}
	// The library knows no context: when it ends, so does the connection.
	stop := context.AfterFunc(ctx, func() { _ = wire.Close() })
	conn := wire
	if v.config.Security == "tls" {
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
	o := &imapclient.Options{TLSConfig: conf}
	if v.config.Security == "starttls" {
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
	if v.tokens != nil {
		return v.bearer(ctx)
	}
	password, err := v.config.password.Read()
	if err != nil {
		return &exporters.SourceError{Endpoint: "imap", Reason: exporters.ReasonAuth, Err: err}
	}
	if caps := v.client.Caps(); caps.Has(imap.AuthCap("PLAIN")) {
		err = v.client.Authenticate(sasl.NewPlainClient("", v.config.Username, password))
	} else if caps.Has(imap.CapLoginDisabled) {
		err = &imap.Error{Type: imap.StatusResponseTypeNo, Text: "the server takes no password here"}
	} else {
		err = v.client.Login(v.config.Username, password).Wait()
	}
	return v.loginFault(ctx, err, "the server refuses the name or the password")
}

// loginFault tells a refusal apart by its code. The server's words might repeat
// what was sent; its code cannot.
func (v *visit) loginFault(ctx context.Context, err error, refusal string) error {
	var no *imap.Error
	switch {
	case err == nil:
		return nil
	case !errors.As(err, &no):
		return fault(ctx, exporters.ReasonUnreachable, err)
	case aboutCredentials(no):
		return &exporters.SourceError{Endpoint: "imap", Reason: exporters.ReasonAuth, Err: errors.New(refusal)}
	default:
		return &exporters.SourceError{Endpoint: "imap", Reason: exporters.ReasonServer, Err: fmt.Errorf("the server refuses the login for now, for another reason than the password: [%s]", cut(printable(string(no.Code)), 60))}
	}
}

// aboutCredentials tells whether a refusal is about who logs in.
func aboutCredentials(e *imap.Error) bool {
	switch e.Code {
	case "", imap.ResponseCodeAuthenticationFailed, imap.ResponseCodeAuthorizationFailed, imap.ResponseCodeExpired:
		return true
	}
	return false
}

// enter opens the folder, and begins anew if it is another than before. It
// gives the UID that the next mail will have, 0 if the server does not tell.
func (v *visit) enter(ctx context.Context) (imap.UID, error) {
	how := &imap.SelectOptions{ReadOnly: v.config.After == "keep" || v.onlyRead}
	data, err := v.client.Select(v.config.Mailbox, how).Wait()
	var refused *imap.Error
	if errors.As(err, &refused) {
		if full, lerr := v.find(v.config.Mailbox); lerr == nil && full != "" && full != v.config.Mailbox {
			data, err = v.client.Select(full, how).Wait()
		}
	}
	switch {
	case errors.As(err, &refused):
		return 0, &exporters.SourceError{Endpoint: "imap", Reason: exporters.ReasonNotFound, Err: fmt.Errorf("mailbox %q: %w%s", v.config.Mailbox, cleanError(err), v.folders())}
	case err != nil:
		return 0, fault(ctx, exporters.ReasonUnreachable, err)
	case data.UIDValidity == 0:
		return 0, &exporters.SourceError{Endpoint: "imap", Reason: exporters.ReasonMalformed, Err: errors.New("the server gives mails no lasting numbers (UIDVALIDITY)")}
	}
	v.mailbox.mu.Lock()
	defer v.mailbox.mu.Unlock()
	v.selected = true
	if v.place.UIDValidity != data.UIDValidity {
		*v.place = place{Schema: imapSchema, Mailbox: v.name(), UIDValidity: data.UIDValidity}
	}
	return data.UIDNext, nil
}

// search lists the mails that came since, in their order.
func (v *visit) search() ([]imap.UID, error) {
	last := v.place.Last
	criteria := &imap.SearchCriteria{UID: []imap.UIDSet{{{Start: last + 1, Stop: 0}}}}
	if last == 0 {
		// A day more: the server counts days in its own zone.
		criteria = &imap.SearchCriteria{Since: v.now().Add(-time.Duration(v.config.Lookback)).AddDate(0, 0, -1)}
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

// facts are what is known of a mail before it is fetched.
type facts struct {
	size     int64
	received time.Time
}

func (v *visit) fetchAll(ctx context.Context, uids []imap.UID) error {
	for chunk := range slices.Chunk(uids, batch) {
		known, err := v.facts(chunk)
		if err != nil {
			return fault(ctx, exporters.ReasonUnreachable, err)
		}
		for _, uid := range chunk {
			f, there := known[uid]
			if there {
				kept, err := v.bring(ctx, uid, f)
				if err != nil && !errors.Is(err, errFull) {
					return v.stuck(ctx, uid, err)
				}
				v.note(uid, kept, err)
			}
			v.mailbox.mu.Lock()
			v.place.Last, v.place.Stuck, v.place.Tries = uid, 0, 0
			v.mailbox.mu.Unlock()
		}
		v.mailbox.mu.Lock()
		err = v.save()
		v.mailbox.mu.Unlock()
		if err != nil {
			return &exporters.SourceError{Endpoint: "imap", Reason: exporters.ReasonState, Err: err}
		}
	}
	return nil
}

// note writes down what is still to be done for a mail.
func (v *visit) note(uid imap.UID, kept bool, err error) {
	v.mailbox.mu.Lock()
	defer v.mailbox.mu.Unlock()
	switch {
	case errors.Is(err, errFull):
		v.place.Left.AddNum(uid)
	case !kept && v.config.After != "keep":
		v.place.Tidy.AddNum(uid)
	}
}

// stuck counts the failures at one mail, so that it does not bar the way of
// those behind it for ever.
func (v *visit) stuck(ctx context.Context, uid imap.UID, err error) error {
	var own *storeError
	if errors.As(err, &own) || errors.Is(ctx.Err(), context.Canceled) {
		return fault(ctx, exporters.ReasonState, err)
	}
	v.mailbox.mu.Lock()
	defer v.mailbox.mu.Unlock()
	if v.place.Stuck != uid {
		v.place.Stuck, v.place.Tries = uid, 0
	}
	if v.place.Tries++; v.place.Tries >= patience {
		v.place.Bad.AddNum(uid)
		v.place.Last, v.place.Stuck, v.place.Tries = uid, 0, 0
	}
	return fault(ctx, exporters.ReasonUnreachable, err)
}

// storeError is a failure on our side, for which no mail is to blame.
type storeError struct{ err error }

func (e *storeError) Error() string { return e.err.Error() }
func (e *storeError) Unwrap() error { return e.err }

func (v *visit) facts(uids []imap.UID) (map[imap.UID]facts, error) {
	v.conn.left.Store(chatter)
	cmd := v.client.Fetch(imap.UIDSetNum(uids...), &imap.FetchOptions{UID: true, RFC822Size: true, InternalDate: true})
	out := map[imap.UID]facts{}
	for m := cmd.Next(); m != nil; m = cmd.Next() {
		var uid imap.UID
		var f facts
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
func (v *visit) bring(ctx context.Context, uid imap.UID, f facts) (kept bool, err error) {
	env := envelope{Received: f.received.UTC(), UID: uint32(uid), UIDValidity: v.place.UIDValidity, Size: f.size, Cut: f.size > v.limit}
	if now := v.now().UTC(); f.received.IsZero() || env.Received.After(now) {
		env.Received = now
	}
	raw, err := v.fetch(uid, env)
	if err != nil || raw == nil {
		return false, err
	}
	if int64(len(raw)) > v.limit {
		raw, env.Cut = raw[:beginning], true
	}
	env.Size = max(env.Size, int64(len(raw)))
	v.read++
	kept, err = v.take(env, raw)
	if err != nil && !errors.Is(err, errFull) {
		err = &storeError{err}
	}
	return kept, err
}

// fetch gives nil for a mail that went away.
func (v *visit) fetch(uid imap.UID, env envelope) ([]byte, error) {
	section := &imap.FetchItemBodySection{Peek: true}
	limit := v.limit + 1
	if env.Cut {
		section.Partial, limit = &imap.SectionPartial{Size: beginning}, beginning
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
	v.mailbox.mu.Lock()
	set := slices.Clone(v.place.Tidy)
	v.mailbox.mu.Unlock()
	if len(set) == 0 {
		return nil
	}
	v.conn.left.Store(chatter)
	if err := v.put(set); err != nil {
		v.target = "" // it may be gone
		return fault(ctx, exporters.ReasonUnreachable, err)
	}
	v.mailbox.mu.Lock()
	defer v.mailbox.mu.Unlock()
	v.place.Tidy = without(v.place.Tidy, set)
	return nil
}

func (v *visit) put(set imap.UIDSet) error {
	if v.config.moveTo == "" {
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
	v.mailbox.mu.Lock()
	left, _ := v.place.Left.Nums()
	bad, _ := v.place.Bad.Nums()
	once := !v.again
	v.again = true
	v.mailbox.mu.Unlock()
	if !once {
		bad = nil
	}
	for _, uid := range append(left, bad...) {
		known, err := v.facts([]imap.UID{uid})
		if err != nil {
			return fault(ctx, exporters.ReasonUnreachable, err)
		}
		f, there := known[uid]
		kept := true
		if there {
			kept, err = v.bring(ctx, uid, f)
		}
		if errors.Is(err, errFull) {
			if once {
				continue
			}
			return nil
		}
		if err != nil {
			return fault(ctx, exporters.ReasonUnreachable, err)
		}
		v.mailbox.mu.Lock()
		gone := imap.UIDSetNum(uid)
		v.place.Left, v.place.Bad = without(v.place.Left, gone), without(v.place.Bad, gone)
		v.mailbox.mu.Unlock()
		v.note(uid, kept, nil)
	}
	return nil
}
