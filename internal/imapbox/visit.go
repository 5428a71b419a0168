package imapbox

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"slices"
	"sync/atomic"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"

	"vigie/internal/mailread"
)

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
		return out, v.greetingFault(ctx, err)
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
