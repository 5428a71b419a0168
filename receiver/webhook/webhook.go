// Package webhook takes in what Alertmanager posts.
//
// A delivery is answered with 2xx only after it is durably kept. Alertmanager
// repeats what is answered with 5xx, at once; 4xx it repeats only with the next
// change of the group, so 4xx is for what repeating cannot mend.
package webhook

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/alertmanager/template"
	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/semaphore"

	"vigie/receiver"
	"vigie/receiver/alertmanager"
	"vigie/rules/model"
)

const (
	// MaxBody is the largest delivery. Alertmanager knows no limit: a group of
	// 1,000 alerts has about 0.9 MB.
	MaxBody = 64 << 20
	// maxInFlight bounds the bodies that are held at the same time.
	maxInFlight = 4 * MaxBody
	// within is how long a delivery may take: below the 10 s that Alertmanager's
	// shortest flush leaves, so that it hears our own word.
	within = 9 * time.Second
)

// Options is what the handler is made of.
type Options struct {
	// Receive keeps a delivery; nil from it is a 200.
	Receive func(context.Context, receiver.Alerts) error
	// Hurry asks Alertmanager itself, because a delivery was not the whole truth.
	Hurry func()
	// Authorized reports whether a bearer token may deliver.
	Authorized func(token string) bool
	Registry   prometheus.Registerer
	Logger     *slog.Logger
	Now        func() time.Time
}

// Handler answers POST /api/v1/alertmanager.
type Handler struct {
	o       Options
	bytes   *semaphore.Weighted
	gate    *gate
	metrics *metrics
}

// New returns a handler.
func New(o Options) *Handler {
	return &Handler{o: o, bytes: semaphore.NewWeighted(maxInFlight), gate: newGate(), metrics: newMetrics(o.Registry)}
}

// ServeHTTP takes in one delivery.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	begun := time.Now()
	code, err := h.serve(r)
	h.metrics.requests.WithLabelValues(strconv.Itoa(code)).Inc()
	h.metrics.duration.Observe(time.Since(begun).Seconds())
	if err == nil {
		w.WriteHeader(code)
		return
	}
	if code == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", `Bearer realm="vigie"`)
	}
	if code == http.StatusServiceUnavailable {
		w.Header().Set("Retry-After", strconv.Itoa(int(comeAgain(err).Seconds())))
	}
	h.o.Logger.Warn("webhook delivery refused", "code", code, "remote", r.RemoteAddr, "err", err)
	http.Error(w, err.Error(), code)
}

// comeAgain is when a delivery that could not be kept may be repeated.
func comeAgain(err error) time.Duration {
	var busy *busyError
	if errors.As(err, &busy) {
		return busy.after
	}
	return maxWait
}

func (h *Handler) serve(r *http.Request) (int, error) {
	if r.Method != http.MethodPost {
		return http.StatusMethodNotAllowed, errors.New("only POST is understood here")
	}
	if !h.o.Authorized(Bearer(r)) {
		return http.StatusUnauthorized, errors.New("a valid bearer token is required: set authorization.credentials_file in Alertmanager's webhook_configs")
	}
	ctx, cancel := context.WithTimeout(r.Context(), within)
	defer cancel()
	raw, code, err := h.read(ctx, r)
	if err != nil {
		return code, err
	}
	defer h.bytes.Release(reserved(r))
	leave, err := h.gate.enter(ctx, len(raw))
	if err != nil {
		return http.StatusServiceUnavailable, err
	}
	kept := false
	defer func() { leave(kept) }()
	code, err = h.keep(ctx, raw)
	kept = err == nil
	return code, err
}

// keep decodes a delivery and has it kept.
func (h *Handler) keep(ctx context.Context, raw []byte) (int, error) {
	d, truncated, err := Decode(raw, h.o.Now())
	if err != nil {
		return http.StatusBadRequest, err
	}
	d.Raw = raw
	if err := h.o.Receive(ctx, d); err != nil {
		return receiver.Status(err), err
	}
	h.metrics.alerts.WithLabelValues("firing").Add(float64(len(d.Fired)))
	h.metrics.alerts.WithLabelValues("resolved").Add(float64(len(d.Cleared)))
	if truncated > 0 {
		h.metrics.truncated.Add(float64(truncated))
		h.o.Logger.Warn("Alertmanager left alerts out of a delivery; asking it: set max_alerts to 0", "left_out", truncated)
		h.o.Hurry()
	}
	return http.StatusOK, nil
}

// Bearer is the token of the Authorization header, "" without one.
func Bearer(r *http.Request) string {
	scheme, token, ok := strings.Cut(r.Header.Get("Authorization"), " ")
	if !ok || !strings.EqualFold(scheme, "Bearer") {
		return ""
	}
	return strings.TrimSpace(token)
}

// reserved is how many bytes a request counts for; one that does not say how
// long it is counts for the most.
func reserved(r *http.Request) int64 {
	if r.ContentLength >= 0 && r.ContentLength <= MaxBody {
		return r.ContentLength
	}
	return MaxBody
}

func (h *Handler) read(ctx context.Context, r *http.Request) ([]byte, int, error) {
	n := reserved(r)
	if r.ContentLength > MaxBody {
		return nil, h.oversize(), fmt.Errorf("the delivery has %d bytes, at most %d are taken: group by fewer machines", r.ContentLength, MaxBody)
	}
	if err := h.bytes.Acquire(ctx, n); err != nil {
		return nil, http.StatusServiceUnavailable, errors.New("too many large deliveries at once")
	}
	var b bytes.Buffer
	b.Grow(int(min(n, 1<<20)))
	_, err := b.ReadFrom(io.LimitReader(r.Body, MaxBody+1))
	switch {
	case err != nil:
		h.bytes.Release(n)
		return nil, http.StatusBadRequest, fmt.Errorf("the body ends after %d bytes: %w", b.Len(), err)
	case b.Len() > MaxBody:
		h.bytes.Release(n)
		return nil, h.oversize(), fmt.Errorf("the delivery has more than %d bytes: group by fewer machines", MaxBody)
	}
	return b.Bytes(), 0, nil
}

// oversize counts a delivery that is too large; what it would have told is
// asked for instead.
func (h *Handler) oversize() int {
	h.metrics.oversize.Inc()
	h.o.Hurry()
	return http.StatusRequestEntityTooLarge
}

// envelope is Alertmanager's message as far as it is used. Unknown fields are
// accepted: new versions add some.
type envelope struct {
	Alerts          *[]template.Alert `json:"alerts"`
	TruncatedAlerts uint64            `json:"truncatedAlerts"`
}

// Decode reads a delivery. The error names the byte or the field that is wrong.
// The second result is how many alerts Alertmanager says it left out.
func Decode(raw []byte, now time.Time) (receiver.Alerts, uint64, error) {
	var d receiver.Alerts
	e, err := readForm(raw)
	if err != nil { // not as Alertmanager writes it: it may be readable all the same
		e = envelope{}
		if err := json.Unmarshal(raw, &e); err != nil {
			return d, 0, undecodable(err)
		}
	}
	if e.Alerts == nil {
		return d, 0, errors.New("field alerts: missing; this is not Alertmanager's own format: remove payload: from its webhook_configs")
	}
	for i, a := range *e.Alerts {
		if len(a.Labels) == 0 {
			return d, 0, fmt.Errorf("field alerts[%d].labels: missing", i)
		}
		s := alertmanager.Alert{Labels: a.Labels, Annotations: a.Annotations, StartsAt: a.StartsAt.UTC(), GeneratorURL: a.GeneratorURL}.Signal()
		switch a.Status {
		case "firing":
			if d.Fired == nil {
				d.Fired = make([]model.Signal, 0, len(*e.Alerts)-i)
			}
			d.Fired = append(d.Fired, s)
		case "resolved":
			ends := a.EndsAt.UTC()
			if ends.IsZero() {
				ends = now
			}
			d.Cleared = append(d.Cleared, receiver.Cleared{Signal: s, EndsAt: ends})
		default:
			return d, 0, fmt.Errorf("field alerts[%d].status: %q is not firing or resolved", i, a.Status)
		}
	}
	return d, e.TruncatedAlerts, nil
}

func undecodable(err error) error {
	var syntax *json.SyntaxError
	var kind *json.UnmarshalTypeError
	switch {
	case errors.As(err, &syntax):
		return fmt.Errorf("not JSON at byte %d: %w", syntax.Offset, err)
	case errors.As(err, &kind):
		return fmt.Errorf("field %s: a %s cannot stand at byte %d", kind.Field, kind.Value, kind.Offset)
	}
	return fmt.Errorf("not readable: %w", err)
}
