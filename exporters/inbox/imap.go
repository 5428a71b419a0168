package inbox

import (
	"context"
	"errors"
	"io/fs"
	"path/filepath"
	"time"

	"vigie/exporters"
	"vigie/exporters/inbox/mailtoken"
	"vigie/exporters/push"
	"vigie/internal/imapbox"
)

const (
	// beginning is what is kept of a mail that is too long.
	beginning = imapbox.Beginning
)

// OAuth2Config is [mailtoken.Config].
type OAuth2Config = mailtoken.Config

// mailbox is the door of an IMAP folder.
type mailbox struct {
	*imapbox.Box
	// mechanisms are those that take a token; the first that is offered is used.
	mechanisms []string
}

func newMailbox(c *Config, take func(envelope, []byte) (bool, error), o exporters.SourceOptions) *mailbox {
	path := filepath.Join(c.Folder, "imap.json")
	b := imapbox.Options{
		Address: c.IMAP.Address, Security: c.IMAP.Security, Username: c.IMAP.Username, Folder: c.IMAP.Mailbox,
		MarkSeen: c.IMAP.After == "seen", MoveTo: c.IMAP.moveTo, Lookback: time.Duration(c.IMAP.Lookback), Limit: c.Limits.MessageBytes,
		TLS: c.IMAP.TLS.Build, Password: c.IMAP.password.Read, Now: o.Now, Where: path,
		Load: func() ([]byte, error) {
			data, err := readBounded(path, 64<<20)
			if errors.Is(err, fs.ErrNotExist) {
				return nil, nil
			}
			return data, err
		},
		Save: func(data []byte) error { return push.WriteFile(path, data) },
		Take: func(m imapbox.Mail, raw []byte) (bool, error) {
			return take(envelope{Received: m.Received, UID: m.UID, UIDValidity: m.UIDValidity, Size: m.Size, Cut: m.Cut}, raw)
		},
	}
	if c.IMAP.OAuth2 != nil {
		b.Bearer = mailtoken.New(c.IMAP.OAuth2, o).Get
	}
	return &mailbox{imapbox.New(b), imapbox.Mechanisms()}
}

// done implements door: the mail may be marked or moved at the next visit.
func (b *mailbox) done(env envelope) {
	b.Done(imapbox.Mail{UID: env.UID, UIDValidity: env.UIDValidity})
}

func (b *mailbox) close() error { return nil }

func (b *mailbox) visit(ctx context.Context) ([]exporters.Endpoint, int, error) {
	b.Mechanisms = b.mechanisms
	v, err := b.Visit(ctx)
	if err != nil {
		return nil, v.Waiting, sourceError(err)
	}
	endpoints := []exporters.Endpoint{{Name: "imap", Items: v.Read}}
	if v.Tidied {
		endpoints = append(endpoints, exporters.Endpoint{Name: "imap_after", Err: sourceError(v.Untidy)})
	}
	return endpoints, v.Waiting, nil
}

// sourceError gives an error of the mailbox the exporter's words. One about a
// token has them already.
func sourceError(err error) error {
	var e *imapbox.Error
	if !errors.As(err, &e) {
		return err
	}
	endpoint := "imap"
	if e.After {
		endpoint = "imap_after"
	}
	return &exporters.SourceError{Endpoint: endpoint, Reason: exporters.Reason(e.Reason), Err: e.Err}
}
