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
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strings"
	"sync"
	"time"

	clientruntime "github.com/go-openapi/runtime/client"
	"github.com/go-openapi/strfmt"
	"github.com/prometheus/alertmanager/api/v2/client"
	"github.com/prometheus/alertmanager/api/v2/client/general"
	"github.com/prometheus/alertmanager/api/v2/models"
	prommodel "github.com/prometheus/common/model"

	"vigie/internal/clip"
	"vigie/rules/incident"
	"vigie/rules/model"
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
func (a Alert) Signal() model.Signal {
	s := model.Signal{
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

// bounded is a set of labels or annotations within bounds: of too many those with the
// shortest names, which are the ones that are known, and of a value its beginning.
func bounded(in map[string]string, most int) map[string]string {
	if within(in, most) {
		return in
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
	return clip.Bytes(s, most-len(clip.Mark)) + clip.Mark
}

// Fingerprint identifies a label set as Alertmanager does.
func Fingerprint(labels map[string]string) string {
	return prommodel.Fingerprint(prommodel.LabelsToSignature(labels)).String()
}

// Snapshot is everything one Alertmanager said at one instant.
type Snapshot struct {
	Started time.Time
	// Ready tells that its cluster has settled, or that it has none.
	Ready   bool
	Signals []model.Signal
	// Muted are, by fingerprint, the alerts that it keeps back: inhibited by
	// another one, or in groups that are muted at this hour.
	Muted map[string]bool
	// Mutes tells that it mutes groups at some hours. Which ones now it says only once
	// their wait is over: until then such an alert looks like any other.
	Mutes bool
	// Updated is, by fingerprint, when Prometheus last said that an alert fires.
	Updated map[string]time.Time
	// SilencedBy lists, by fingerprint, the silences that cover an alert.
	SilencedBy map[string][]string
	Silences   map[string]incident.Silence // active ones, by id
	// Unread says what of the answer could not be read, for the first time; all
	// else counts.
	Unread []string
}

// Complete reports whether an alert's absence from the snapshot says anything.
// After a start the alerts come back one by one. That it hears Prometheus at all
// is for others to know: the receiver filter may leave the watchdog out.
func (s Snapshot) Complete(now time.Time, settled time.Duration) bool {
	return s.Ready && now.Sub(s.Started) >= settled
}

// Client asks one Alertmanager.
type Client struct {
	o   Options
	api *client.AlertmanagerAPI

	mu sync.Mutex
	// named is what could not be read and has been said.
	named map[string]bool
	// self and peers are the names that its cluster gives to it and to all of its
	// members, as of its last answer.
	self  string
	peers []string
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
		snap.Mutes = p.Config != nil && p.Config.Original != nil && mutes(*p.Config.Original)
		c.meet(p.Cluster)
	}
	snap.SilencedBy, snap.Updated, snap.Muted = map[string][]string{}, map[string]time.Time{}, map[string]bool{}
	unread, err := list(ctx, c, "alerts", c.receiver(), snap.alert)
	if err != nil {
		return snap, err
	}
	loud := loudness{}
	bad, err := list(ctx, c, "alerts/groups", c.receiver(), loud.group)
	if err != nil && !errors.Is(err, errNoSuchList) {
		return snap, err
	}
	loud.mark(snap.Muted)
	var silences []*models.GettableSilence
	worse, err := list(ctx, c, "silences", nil, func(x *models.GettableSilence) { silences = append(silences, x) })
	if err != nil {
		return snap, err
	}
	snap.Unread = c.news(slices.Concat(unread, bad, worse, snap.addSilences(silences)))
	return snap, nil
}

func (c *Client) receiver() url.Values {
	if c.o.Receiver == "" {
		return nil
	}
	return url.Values{"receiver": {c.o.Receiver}}
}

func (s *Snapshot) alert(a *models.GettableAlert) {
	sig := signal(a)
	s.Signals = append(s.Signals, sig)
	if a.UpdatedAt != nil {
		s.Updated[sig.Fingerprint] = time.Time(*a.UpdatedAt).UTC()
	}
	if a.Status != nil && len(a.Status.SilencedBy) > 0 {
		s.SilencedBy[sig.Fingerprint] = a.Status.SilencedBy
	}
	if a.Status != nil && len(a.Status.InhibitedBy)+len(a.Status.MutedBy) > 0 {
		s.Muted[sig.Fingerprint] = true
	}
}

// loudness tells of each alert whether a group of it is not muted. Only the groups
// tell: in the list of alerts a muted one looks like any other.
type loudness map[string]bool

func (l loudness) group(g *models.AlertGroup) {
	for _, a := range g.Alerts {
		if a == nil {
			continue
		}
		fp := Fingerprint(a.Labels)
		l[fp] = l[fp] || a.Status == nil || len(a.Status.MutedBy) == 0
	}
}

// mark marks the alerts all of whose groups are muted.
func (l loudness) mark(muted map[string]bool) {
	for fp, loud := range l {
		if !loud {
			muted[fp] = true
		}
	}
}

func signal(a *models.GettableAlert) model.Signal {
	in := Alert{Labels: a.Labels, Annotations: a.Annotations, GeneratorURL: string(a.GeneratorURL)}
	if a.StartsAt != nil {
		in.StartsAt = time.Time(*a.StartsAt).UTC()
	}
	return in.Signal()
}

// addSilences keeps the active silences and names those that cannot be read.
func (s *Snapshot) addSilences(all []*models.GettableSilence) (unread []string) {
	s.Silences = map[string]incident.Silence{}
	for _, g := range all {
		if g.ID == nil || g.Status == nil || g.Status.State == nil || *g.Status.State != models.SilenceStatusStateActive {
			continue
		}
		out, err := readSilence(g)
		if err != nil {
			unread = append(unread, fmt.Sprintf("silence %s: %v", *g.ID, err))
			continue
		}
		s.Silences[out.ID] = out
	}
	return unread
}

func readSilence(g *models.GettableSilence) (incident.Silence, error) {
	out := incident.Silence{ID: *g.ID}
	for _, m := range g.Matchers {
		if m == nil {
			return out, errors.New("a matcher is null")
		}
		out.Matchers = append(out.Matchers, matcher(m))
	}
	if _, err := model.ParseMatchers(out.Matchers); err != nil {
		return out, err
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
	return out, nil
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
	if !prommodel.LegacyValidation.IsValidLabelName(name) {
		name = quoted(name) // any UTF-8 is a label name since Alertmanager 0.27
	}
	return name + op + quoted(value)
}

// quoted writes a text as the matchers' parser reads it: it knows these three
// escapes and takes every other character as it is.
func quoted(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`).Replace(s) + `"`
}
