package notify

import (
	"context"
	"errors"
	"io"
	"net"
	"syscall"
)

// replyKind gives an SMTP reply its kind: it depends on the code and on what was
// being asked.
func replyKind(phase string, code int) Kind {
	switch {
	case code/100 == 4:
		return KindTemporary
	case code/100 != 5:
		return KindTemporary // an answer out of turn: the server is confused, not decided
	case code == 530 || code == 534 || code == 535 || code == 538:
		return KindAuth // "authentication required" may come at any command
	}
	switch phase {
	case phaseAuth:
		return KindAuth
	case phaseStartTLS:
		return KindTLS
	case phaseRcpt:
		return KindRecipient
	case phaseData, phaseDot:
		return KindMessage
	}
	return KindConfig // greeting, EHLO, MAIL: it is us the server does not want
}

// failureKind gives an error without a reply its kind.
func failureKind(ctx context.Context, phase string, dotSent bool, err error) Kind {
	var handshake *handshakeError
	switch {
	case dotSent:
		return KindUnknown
	case errors.Is(err, errNoStartTLS), errors.Is(err, errEarlyData):
		return KindTLS
	case errors.Is(err, errNoAuth):
		return KindAuth
	case errors.Is(err, errNotLoopback), phase == "":
		return KindConfig
	case errors.As(err, &handshake) && ctx.Err() == nil && !interrupted(err):
		return KindTLS
	case phase == phaseDial, phase == phaseGreeting:
		return KindConnect
	case phase == phaseAuth && ctx.Err() == nil && !interrupted(err):
		return KindAuth // no common mechanism, or a challenge the library cannot answer
	}
	return KindTemporary
}

// interrupted reports errors of the network rather than of the conversation.
func interrupted(err error) bool {
	var op *net.OpError
	if errors.As(err, &op) && (op.Op == "remote error" || op.Op == "local error") {
		return false // a TLS alert travels as a network error, but somebody decided it
	}
	var network net.Error
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed) ||
		errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE) || errors.Is(err, errTalkative) ||
		errors.As(err, &network)
}
