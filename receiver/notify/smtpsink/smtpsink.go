// Package smtpsink is the former place of [vigie/receiver/smtpsink]: tests that
// were written against it go on working.
package smtpsink

import (
	"context"
	"crypto/tls"
	"net/http"
	"time"

	"vigie/receiver/smtpsink"
)

// What the sink is made of, under the names that it had here.
type (
	Address     = smtpsink.Address
	AuthOptions = smtpsink.AuthOptions
	Command     = smtpsink.Command
	Faults      = smtpsink.Faults
	Greylist    = smtpsink.Greylist
	Header      = smtpsink.Header
	Message     = smtpsink.Message
	Options     = smtpsink.Options
	Point       = smtpsink.Point
	Reply       = smtpsink.Reply
	Server      = smtpsink.Server
	TLSMode     = smtpsink.TLSMode
	TLSOptions  = smtpsink.TLSOptions
)

// How the sink encrypts.
const (
	TLSNone     = smtpsink.TLSNone
	TLSStartTLS = smtpsink.TLSStartTLS
	TLSImplicit = smtpsink.TLSImplicit
)

// The points of a conversation at which faults happen.
const (
	AtConnect  = smtpsink.AtConnect
	AtEHLO     = smtpsink.AtEHLO
	AtStartTLS = smtpsink.AtStartTLS
	AtAuth     = smtpsink.AtAuth
	AtMail     = smtpsink.AtMail
	AtRcpt     = smtpsink.AtRcpt
	AtData     = smtpsink.AtData
	BeforeDot  = smtpsink.BeforeDot
	AfterDot   = smtpsink.AfterDot
	AtQuit     = smtpsink.AtQuit
)

// Start starts a sink, see [smtpsink.Start].
func Start(ctx context.Context, o Options) (*Server, error) { return smtpsink.Start(ctx, o) }

// Bare returns the addresses of a list, see [smtpsink.Bare].
func Bare(list []Address) []string { return smtpsink.Bare(list) }

// Parse reads a message, see [smtpsink.Parse].
func Parse(raw []byte) Message { return smtpsink.Parse(raw) }

// Web shows what a sink keeps, see [smtpsink.Web].
func Web(s *Server) http.Handler { return smtpsink.Web(s) }

// NewCertificate makes a certificate and its authority, see [smtpsink.NewCertificate].
func NewCertificate(now time.Time, hosts ...string) (cert tls.Certificate, caPEM []byte, err error) {
	return smtpsink.NewCertificate(now, hosts...)
}
