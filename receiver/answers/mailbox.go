package answers

import (
	"context"
	"errors"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"vigie/internal/imapbox"
)

// visitWithin bounds one look into the mailbox.
const visitWithin = 5 * time.Minute

// Mailbox is read for what comes back.
type Mailbox struct {
	Addresses
	every time.Duration
	where imapbox.Options
	box   *imapbox.Box
	last  time.Time
}

// Keeper is where mails are taken in, and where the place in the mailbox is kept.
type Keeper interface {
	// TakeMail takes in a mail, at least once; with an error it comes again.
	TakeMail(context.Context, Incoming) error
	// Place and KeepPlace keep the place in the mailbox.
	Place(context.Context) ([]byte, error)
	KeepPlace(context.Context, []byte) error
}

// NewMailbox makes a mailbox that is looked into every so often. Where says where
// it is; what is done with its mails is filled in here.
func NewMailbox(a Addresses, where imapbox.Options, every time.Duration) *Mailbox {
	return &Mailbox{Addresses: a, where: where, every: every}
}

// Due tells whether it is time to look again.
func (m *Mailbox) Due(now time.Time) bool {
	return m.last.IsZero() || now.Sub(m.last) >= m.every || now.Before(m.last)
}

// Visit takes in what came since the last time.
func (m *Mailbox) Visit(ctx context.Context, keeper Keeper, metrics *Metrics, now time.Time) error {
	m.last = now
	ctx, cancel := context.WithTimeout(ctx, visitWithin)
	defer cancel()
	o := m.where
	o.Now = func() time.Time { return now }
	o.Where = "the place in the mailbox, which the database keeps,"
	o.Load = func() ([]byte, error) { return keeper.Place(ctx) }
	o.Save = func(p []byte) error { return keeper.KeepPlace(context.WithoutCancel(ctx), p) }
	o.Take = func(_ imapbox.Mail, raw []byte) (bool, error) {
		in := m.Read(raw)
		err := keeper.TakeMail(ctx, in)
		if err == nil {
			metrics.taken.WithLabelValues(string(in.Sort)).Inc()
		}
		return false, err
	}
	if m.box == nil {
		m.box = imapbox.New(o)
	}
	m.box.Options = o
	seen, err := m.box.Visit(ctx)
	metrics.waiting.WithLabelValues().Set(float64(seen.Waiting))
	if err = errors.Join(err, seen.Untidy); err != nil {
		metrics.up.WithLabelValues().Set(0)
		return err
	}
	metrics.up.WithLabelValues().Set(1)
	metrics.read.WithLabelValues().Set(float64(now.UnixNano()) / 1e9)
	return nil
}

// Metrics are what is known of the mailbox. No label names a person.
type Metrics struct {
	// Without a configured mailbox the first three have no value.
	up, read, waiting *prometheus.GaugeVec
	taken             *prometheus.CounterVec
}

// NewMetrics registers them.
func NewMetrics(r prometheus.Registerer) *Metrics {
	f := promauto.With(r)
	m := &Metrics{
		up: f.NewGaugeVec(prometheus.GaugeOpts{Name: "vigie_mailbox_up",
			Help: "Whether the mailbox of answers and bounces could be read, and its mails be marked or moved, the last time."}, nil),
		read: f.NewGaugeVec(prometheus.GaugeOpts{Name: "vigie_mailbox_last_success_timestamp_seconds",
			Help: "When the mailbox of answers and bounces was last read; absent before the first time."}, nil),
		waiting: f.NewGaugeVec(prometheus.GaugeOpts{Name: "vigie_mailbox_mails_left",
			Help: "Mails that had to stay in the mailbox, because they could not be fetched or the list of open mails is full."}, nil),
		taken: f.NewCounterVec(prometheus.CounterOpts{Name: "vigie_mailbox_mails_total",
			Help: "Mails that were taken in, by what they are."}, []string{"sort"}),
	}
	for _, s := range Sorts() {
		m.taken.WithLabelValues(string(s)) // so that the first one is an increase
	}
	return m
}
