// Package alertmanager asks an Alertmanager what fires and what is silenced, and
// gives its alerts the receiver's words.
//
// The webhook alone is not the truth: what ends under a silence is never
// reported, and a crash loses endings. What is asked here fills the gaps; what
// a single Alertmanager does not say proves nothing, see [Snapshot.Complete].
package alertmanager

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strings"
	"time"

	clientruntime "github.com/go-openapi/runtime/client"
	"github.com/go-openapi/strfmt"
	"github.com/prometheus/alertmanager/api/v2/client"
	"github.com/prometheus/alertmanager/api/v2/client/alert"
	"github.com/prometheus/alertmanager/api/v2/client/general"
	"github.com/prometheus/alertmanager/api/v2/client/silence"
	"github.com/prometheus/alertmanager/api/v2/models"
	"github.com/prometheus/common/model"

	"vigie/rules"
)

// Alert is an alert as Alertmanager knows it.
type Alert struct {
	Labels       map[string]string
	Annotations  map[string]string
	StartsAt     time.Time
	GeneratorURL string
}

// GeneratorURL is the annotation under which a signal keeps the address of the
// expression that raised it.
const GeneratorURL = "generator_url"

// Signal gives an alert the receiver's words. Its fingerprint is computed from
// the labels, so that every Alertmanager and every version gives the same; its
// kind is left to the rules.
func (a Alert) Signal() rules.Signal {
	s := rules.Signal{
		Fingerprint: Fingerprint(a.Labels),
		Labels:      bounded(a.Labels, maxLabel),
		Annotations: bounded(a.Annotations, maxAnnotation),
		StartsAt:    a.StartsAt,
	}
	if a.GeneratorURL != "" {
		s.Annotations[GeneratorURL] = cut(a.GeneratorURL, maxAnnotation)
	}
	return s
}

// Bounds of what is kept of one alert, far beyond what any rule writes. The
// fingerprint is that of the whole.
const (
	maxLabels     = 128 // and as many annotations
	maxLabel      = 2 << 10
	maxAnnotation = 16 << 10
)

// bounded copies labels or annotations: of too many those with the shortest
// names, which are the ones that are known, and of a value its beginning.
func bounded(in map[string]string, most int) map[string]string {
	if within(in, most) {
		return maps.Clone(in)
	}
	names := slices.Collect(maps.Keys(in))
	if len(names) > maxLabels {
		slices.SortFunc(names, func(a, b string) int { return cmp.Or(len(a)-len(b), cmp.Compare(a, b)) })
		names = names[:maxLabels]
	}
	out := make(map[string]string, len(names)+1)
	for _, name := range names {
		if len(name) <= maxLabel {
			out[name] = cut(in[name], most)
		}
	}
	return out
}

func within(in map[string]string, most int) bool {
	for name, value := range in {
		if len(name) > maxLabel || len(value) > most {
			return false
		}
	}
	return in != nil && len(in) <= maxLabels
}

// cut shortens a text to at most so many bytes, between two characters.
func cut(s string, most int) string {
	if len(s) <= most {
		return s
	}
	const mark = "…"
	return strings.ToValidUTF8(s[:most-len(mark)], "") + mark
}

// Fingerprint identifies a label set as Alertmanager does.
func Fingerprint(labels map[string]string) string {
	return model.Fingerprint(model.LabelsToSignature(labels)).String()
}

// Snapshot is everything one Alertmanager said at one instant.
type Snapshot struct {
	Started time.Time
	// Ready tells that its cluster has settled, or that it has none.
	Ready   bool
	Signals []rules.Signal
	// Updated is, by fingerprint, when Prometheus last said that an alert fires.
	Updated map[string]time.Time
	// SilencedBy lists, by fingerprint, the silences that cover an alert.
	SilencedBy map[string][]string
	Silences   map[string]rules.Silence // active ones, by id
}

// Complete reports whether an alert's absence from the snapshot says anything.
// After a start the alerts come back one by one, and an Alertmanager without a
// single alert hears nobody.
func (s Snapshot) Complete(now time.Time, settled time.Duration) bool {
	return s.Ready && len(s.Signals) > 0 && now.Sub(s.Started) >= settled
}

// Client asks one Alertmanager.
type Client struct {
	o   Options
	api *client.AlertmanagerAPI
}

// Options configures a client.
type Options struct {
	// Name is what the configuration calls this Alertmanager.
	Name string
	// URL is its base address.
	URL *url.URL
	// HTTP makes the requests; it carries credentials and trust.
	HTTP *http.Client
	// Receiver is a regular expression for the receivers whose alerts are ours;
	// empty stands for all.
	Receiver string
}

// New returns a client.
func New(o Options) *Client {
	rt := clientruntime.NewWithClient(o.URL.Host, path.Join("/", o.URL.Path, "/api/v2"), []string{o.URL.Scheme}, o.HTTP)
	return &Client{o: o, api: client.New(rt, strfmt.Default)}
}

// Name is the name given to this Alertmanager in the configuration.
func (c *Client) Name() string { return c.o.Name }

// Ask returns what fires and what is silenced now.
func (c *Client) Ask(ctx context.Context) (Snapshot, error) {
	var snap Snapshot
	status, err := c.api.General.GetStatus(general.NewGetStatusParams().WithContext(ctx))
	if err != nil {
		return snap, fmt.Errorf("status of alertmanager %s: %w", c.o.Name, err)
	}
	if p := status.Payload; p != nil {
		if p.Uptime != nil {
			snap.Started = time.Time(*p.Uptime)
		}
		snap.Ready = p.Cluster == nil || p.Cluster.Status == nil || *p.Cluster.Status != models.ClusterStatusStatusSettling
	}
	which := alert.NewGetAlertsParams().WithContext(ctx)
	if c.o.Receiver != "" {
		which.SetReceiver(&c.o.Receiver)
	}
	alerts, err := c.api.Alert.GetAlerts(which)
	if err != nil {
		return snap, fmt.Errorf("alerts of alertmanager %s: %w", c.o.Name, err)
	}
	snap.SilencedBy, snap.Updated = map[string][]string{}, map[string]time.Time{}
	for _, a := range alerts.Payload {
		sig := signal(a)
		snap.Signals = append(snap.Signals, sig)
		if a.UpdatedAt != nil {
			snap.Updated[sig.Fingerprint] = time.Time(*a.UpdatedAt).UTC()
		}
		if a.Status != nil && len(a.Status.SilencedBy) > 0 {
			snap.SilencedBy[sig.Fingerprint] = a.Status.SilencedBy
		}
	}
	silences, err := c.api.Silence.GetSilences(silence.NewGetSilencesParams().WithContext(ctx))
	if err != nil {
		return snap, fmt.Errorf("silences of alertmanager %s: %w", c.o.Name, err)
	}
	return snap, snap.take(silences.Payload)
}

func signal(a *models.GettableAlert) rules.Signal {
	in := Alert{Labels: a.Labels, Annotations: a.Annotations, GeneratorURL: string(a.GeneratorURL)}
	if a.StartsAt != nil {
		in.StartsAt = time.Time(*a.StartsAt).UTC()
	}
	return in.Signal()
}

func (s *Snapshot) take(all []*models.GettableSilence) error {
	s.Silences = map[string]rules.Silence{}
	for _, g := range all {
		if g.ID == nil || g.Status == nil || g.Status.State == nil || *g.Status.State != models.SilenceStatusStateActive {
			continue
		}
		out := rules.Silence{ID: *g.ID}
		for _, m := range g.Matchers {
			out.Matchers = append(out.Matchers, matcher(m))
		}
		if _, err := rules.ParseMatchers(out.Matchers); err != nil {
			return fmt.Errorf("silence %s: %w", out.ID, err)
		}
		if g.CreatedBy != nil {
			out.By = *g.CreatedBy
		}
		if g.Comment != nil {
			out.Comment = *g.Comment
		}
		if g.StartsAt != nil {
			out.StartsAt = time.Time(*g.StartsAt).UTC()
		}
		if g.EndsAt != nil {
			out.EndsAt = time.Time(*g.EndsAt).UTC()
		}
		s.Silences[out.ID] = out
	}
	return nil
}

func matcher(m *models.Matcher) string {
	equal, regex := m.IsEqual == nil || *m.IsEqual, m.IsRegex != nil && *m.IsRegex
	op := map[[2]bool]string{{true, false}: "=", {false, false}: "!=", {true, true}: "=~", {false, true}: "!~"}[[2]bool{equal, regex}]
	var name, value string
	if m.Name != nil {
		name = *m.Name
	}
	if m.Value != nil {
		value = *m.Value
	}
	return fmt.Sprintf("%s%s%q", name, op, value)
}
