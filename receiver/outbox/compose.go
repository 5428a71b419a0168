package outbox

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	json "github.com/go-json-experiment/json/v1"

	"vigie/receiver/evidence"
	"vigie/receiver/letter"
	"vigie/receiver/message"
	"vigie/receiver/notify"
	"vigie/receiver/store"
	"vigie/rules/incident"
	"vigie/rules/incidents"
)

// composeDue makes messages of bundles: rendered and committed before any socket
// opens, so that every attempt sends the same. It returns how many messages were
// made; kept is told when some of them may leave.
func (o *Outbox) composeDue(ctx context.Context, kept chan<- struct{}) (made int, err error) {
	now := o.Now()
	stuck := o.unready.All(now)
	var keys []string
	err = o.Store.Peek(func(tx *store.Tx) (err error) {
		keys, err = tx.DueBundles(now, bundlesAtOnce+len(stuck))
		return err
	})
	if err != nil {
		return 0, err
	}
	var together []draft
	told := map[string]bool{} // incidents that those are about
	flush := func() error {
		n := len(together)
		err := o.keepAll(ctx, together, now)
		if together = nil; n > 0 && err == nil {
			made += n
			select {
			case kept <- struct{}{}:
			default: // it is known already
			}
		}
		clear(told)
		return err
	}
	err = incidents.InTurn(keys, func(key string, inParts bool) (bool, error) {
		if slices.Contains(stuck, key) {
			return true, nil
		}
		ns, whole, err := o.bundle(key, now, stuck, told, flush)
		if err != nil || !whole && !inParts {
			return false, err
		}
		if len(ns) == 0 {
			return true, nil
		}
		o.explain(ctx, ns)
		s, err := o.compose(ns)
		if err != nil {
			return true, o.composeEach(ctx, key, ns, err, now)
		}
		together = append(together, s)
		for _, n := range ns {
			told[n.IncidentID] = true
		}
		if len(together) == draftsAtOnce {
			err = flush()
		}
		return true, err
	})
	if err != nil {
		return made, err
	}
	err = flush()
	return made, err
}

// bundle reads what leaves now of a bundle. What waits to be kept about the same
// incidents is kept first: it lets others leave.
func (o *Outbox) bundle(key string, now time.Time, stuck []string, told map[string]bool, flush func() error) (ns []incident.Notification, whole bool, err error) {
	var about []string
	read := func(tx *store.Tx) error {
		// In this order: what joins the bundle in between is not read, and counts.
		if ns, whole, err = tx.Bundle(key, now, stuck); err == nil {
			about, err = tx.BundleIncidents(key)
		}
		return err
	}
	if err := o.Store.Peek(read); err != nil {
		return nil, false, err
	}
	if !slices.ContainsFunc(about, func(id string) bool { return told[id] }) {
		return ns, whole, nil
	}
	if err := flush(); err != nil {
		return nil, false, err
	}
	err = o.Store.Peek(read)
	return ns, whole, err
}

// keepAll makes messages in one transaction, in their order. They are about
// different incidents, so that none of them is the answer to another.
func (o *Outbox) keepAll(ctx context.Context, all []draft, now time.Time) error {
	if len(all) == 0 {
		return nil
	}
	err := o.keep(ctx, now, all...)
	if err == nil || errors.Is(err, store.ErrUnavailable) {
		return err
	}
	for _, s := range all { // one that cannot be kept must not keep the others back
		err := o.keep(ctx, now, s)
		if err == nil {
			continue
		}
		if err := o.composeEach(ctx, s.ns[0].BundleKey, s.ns, err, now); err != nil {
			return err
		}
	}
	return nil
}

// composeEach takes the notifications of a bundle that failed as one message each
// for itself, and puts off what cannot be written at all.
func (o *Outbox) composeEach(ctx context.Context, key string, ns []incident.Notification, err error, now time.Time) error {
	if len(ns) > 1 && !errors.Is(err, store.ErrUnavailable) {
		o.Log.Error("a bundle could not be written as one message; trying each alone", "bundle", key, "err", err)
		err = nil
		for _, n := range ns {
			err = errors.Join(err, o.composeAlone(ctx, n, now))
		}
	}
	if errors.Is(err, store.ErrUnavailable) {
		return err
	}
	if err != nil {
		o.Sent.WithLabelValues(ns[0].Template, "unrendered").Inc()
		o.Log.Error("a message could not be written; it is kept and tried again", "bundle", key, "err", err)
		o.unready.Put(key, now.Add(rerender))
	}
	return nil
}

func (o *Outbox) composeAlone(ctx context.Context, n incident.Notification, now time.Time) error {
	s, err := o.compose([]incident.Notification{n})
	if err != nil {
		return err
	}
	return o.keep(ctx, now, s)
}

// draft is a message that is written but not yet kept.
type draft struct {
	id    string
	ns    []incident.Notification
	value []byte
}

// compose writes the message of a bundle.
func (o *Outbox) compose(ns []incident.Notification) (draft, error) {
	parts := []string{o.Instance()}
	for _, n := range ns {
		parts = append(parts, n.ID, strconv.FormatInt(n.DecidedAt.UnixNano(), 10))
	}
	id, err := notify.NewMessageID(o.Settings().Domain, parts...)
	if err != nil {
		return draft{}, err
	}
	words, err := o.Settings().Render(ns)
	if err != nil {
		return draft{}, err
	}
	k := letter.Kept{Message: o.message(ns, words)}
	k.ID = id
	if err := o.translate(&k, ns); err != nil {
		return draft{}, err
	}
	value, err := json.Marshal(k)
	return draft{id, ns, value}, err
}

// translate adds the words for those recipients who read another language, or as a
// customer in copy of what our own people read.
func (o *Outbox) translate(k *letter.Kept, ns []incident.Notification) error {
	for _, p := range slices.Concat(ns[0].To, ns[0].Cc) {
		language, apart := cmp.Or(p.Language, ns[0].Language), ns[0].Apart(p)
		if !apart && (language == ns[0].Language || language == k.Language) {
			continue
		}
		reads := language
		if apart {
			reads = strings.ToLower(p.Address) // it is to him alone
		}
		if _, done := k.Translations[reads]; !done {
			other := slices.Clone(ns)
			if apart {
				other = incident.InCopy(ns, p)
			}
			for i := range other {
				other[i].Language = language
				other[i].Data.ScenarioText = o.titled(other[i], language)
			}
			words, err := o.Settings().Render(other)
			if err != nil {
				return err
			}
			if k.Translations == nil {
				k.Translations, k.Reads = map[string]message.Rendered{}, map[string]string{}
			}
			k.Translations[reads] = words
		}
		k.Reads[strings.ToLower(p.Address)] = reads
	}
	return nil
}

// titled is the title of the notification's scenario in a language.
func (o *Outbox) titled(n incident.Notification, language string) string {
	for _, p := range o.Settings().Book.Policies() {
		s := p.Scenario(n.Data.Scenario)
		if s != nil && slices.Contains(slices.Collect(maps.Values(s.Title)), n.Data.ScenarioText) {
			return s.Title.In(language)
		}
	}
	return n.Data.ScenarioText
}

// keep turns drafts into messages in one transaction.
func (o *Outbox) keep(ctx context.Context, now time.Time, drafts ...draft) error {
	return o.Store.Update(ctx, func(tx *store.Tx) error {
		for _, d := range drafts {
			// What was withdrawn meanwhile leaves, next time, without it.
			if _, err := tx.CreateMessage(d.id, d.ns[0].Template, d.ns, d.value, letter.Recipients(d.ns[0]), now); err != nil {
				return err
			}
		}
		return nil
	})
}

func (o *Outbox) message(ns []incident.Notification, words message.Rendered) notify.Message {
	n := ns[0]
	m := notify.Message{
		From: o.Settings().Sender.From, ReplyTo: o.Settings().Sender.ReplyTo,
		Subject: words.Subject, Text: words.Text, HTML: words.HTML, Language: cmp.Or(words.Language, n.Language), Date: n.DecidedAt,
		Headers: map[string]string{
			notify.HeaderStep: n.Step, notify.HeaderTemplate: n.Template, notify.HeaderEpisode: strconv.Itoa(n.Episode),
		},
	}
	m.To, m.Cc = letter.Mailboxes(n.To), letter.Mailboxes(n.Cc)
	ids := make([]string, len(ns))
	for i, n := range ns {
		ids[i] = n.IncidentID
	}
	m.IncidentID = strings.Join(ids, " ")
	if len(ns) > 1 {
		m.Headers[notify.HeaderBundle] = strconv.Itoa(len(ns))
	}
	return m
}

// Alone makes a message that is about no incident, as the outbox keeps it.
func (o *Outbox) Alone(n incident.Notification, words message.Rendered) (id string, value []byte, err error) {
	m := o.message([]incident.Notification{n}, words)
	if m.ID, err = notify.NewMessageID(o.Settings().Domain, o.Instance(), n.ID); err != nil {
		return "", nil, err
	}
	delete(m.Headers, notify.HeaderEpisode)
	value, err = json.Marshal(m)
	return m.ID, value, err
}

// explain completes notifications with the words in which the products explain
// their failures. A mail without them is better than none.
func (o *Outbox) explain(ctx context.Context, ns []incident.Notification) {
	ctx, cancel := context.WithTimeout(ctx, explainWithin)
	defer cancel()
	evidence.Explain(ctx, o.Settings().Exporters, ns, func(source string, err error) {
		o.Log.Warn("no error texts from the exporter", "source", source, "err", err)
	})
}
