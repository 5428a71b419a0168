package imapbox

import (
	"context"
	"errors"
	"io"
	"slices"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"
)

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
				kept, err := v.bring(uid, f)
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
func (v *visit) bring(uid imap.UID, f attributes) (kept bool, err error) {
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
