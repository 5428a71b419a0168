package notify

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net/textproto"
	"slices"
	"strings"
	"sync"
)

// mostCompared addresses are asked about when a refusal does not say whom it means.
const mostCompared = 3

// takers remembers, by relay, addresses that it took mail for: what they meet
// tells whether a refusal is about one address or about us.
type takers struct {
	mu   sync.Mutex
	last map[string][]string
}

func (k *takers) note(relay, address string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.last == nil {
		k.last = map[string][]string{}
	}
	list := slices.DeleteFunc(k.last[relay], func(a string) bool { return strings.EqualFold(a, address) })
	k.last[relay] = append(list, address)[max(0, len(list)+1-mostCompared):]
}

func (k *takers) of(relay string) []string {
	k.mu.Lock()
	defer k.mu.Unlock()
	return slices.Clone(k.last[relay])
}

// compare settles a refusal at RCPT that does not say whether it means the
// address or us: the relay is asked whether it would take others, those of the
// message first and then those that it took before. No message is sent.
func (m *Mail) compare(ctx context.Context, s *session, t transmission, refused refusal, v verdict) Kind {
	if refused.phase != phaseRcpt || v.sure {
		return v.kind
	}
	met := 0
	for _, other := range m.comparable(s.access.relay.addr(), t) {
		answer, err := s.wouldTake(ctx, t.from, other)
		if err != nil {
			break
		}
		switch {
		case answer == nil:
			return KindRecipient
		case alike(*answer, refused):
			met++
		}
	}
	switch {
	case met > 0:
		return KindConfig // nobody is taken, in the same words
	case v.kind == KindRecipient && !strings.EqualFold(refused.names, t.to):
		return KindTemporary // nobody to compare with: it may be us
	}
	return v.kind
}

// comparable returns at most mostCompared addresses other than the recipient.
func (m *Mail) comparable(relay string, t transmission) []string {
	var out []string
	for _, a := range slices.Concat(t.others, m.takers.of(relay)) {
		same := func(b string) bool { return strings.EqualFold(a, b) }
		if !same(t.to) && !slices.ContainsFunc(out, same) {
			out = append(out, a)
		}
	}
	return out[:min(len(out), mostCompared)]
}

// wouldTake asks, in a transaction that is not completed, whether the server
// takes mail for an address; nil is yes. The library is not involved: it has
// read its last answer.
func (s *session) wouldTake(ctx context.Context, from, to string) (*refusal, error) {
	defer context.AfterFunc(ctx, func() { _ = s.g.Close() })()
	text := textproto.NewReader(bufio.NewReader(s.g))
	s.g.body = false // after a refusal nothing of a message follows
	for _, line := range []string{"RSET", "MAIL FROM:<" + from + ">", "RCPT TO:<" + to + ">"} {
		if _, err := io.WriteString(s.g, line+"\r\n"); err != nil {
			return nil, err
		}
		_, _, err := text.ReadResponse(2)
		var reply *textproto.Error
		if errors.As(err, &reply) {
			answer := readRefusal(s.g.phase, reply.Code, reply.Msg)
			return &answer, nil
		}
		if err != nil {
			return nil, err
		}
	}
	return nil, nil
}
