package main

import (
	"context"
	"log/slog"
	"net/http"
	"sync"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
	"github.com/prometheus/common/version"
	"github.com/prometheus/exporter-toolkit/web"

	"vigie/exporters"
	"vigie/exporters/inbox"
	"vigie/exporters/push"
)

// routes are all paths of the exporter; authentication and TLS are the web
// configuration's and cover every one of them.
func routes(ctx context.Context, o options, h *manager, own prometheus.Gatherer, rl *reloader) (http.Handler, error) {
	landing, err := web.NewLandingPage(web.LandingConfig{
		Name: "Backup exporter", Description: "Job results of backup products for Prometheus", Version: version.Info(), Profiling: "false",
		Links: []web.LandingLinks{
			{Address: o.metricsPath, Text: "Metrics"},
			{Address: "/api/v1/results", Text: "Results", Description: "the last runs with their error texts"},
			{Address: "/api/v1/inventory", Text: "Inventory", Description: "expected and not there, there and not expected"},
			{Address: inbox.Path, Text: "Unsorted mails", Description: "reports that no rule reads"},
			{Address: "/-/healthy", Text: "Healthy"},
		},
	})
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.Handle("GET /{$}", landing)
	mux.Handle(o.metricsPath, h.exposition(own))
	mux.Handle("/api/v1/results", exporters.ResultsHandler(h.views))
	mux.Handle("/api/v1/inventory", exporters.InventoryHandler(h.inventory.Load, h.assessed.Load, h.views))
	mux.Handle("POST "+push.Path, push.Handler(h.pushSources))
	unsorted := inbox.Handler(h.inboxSources, h.logger)
	mux.Handle(inbox.Path, unsorted)
	mux.Handle(inbox.Path+"/", unsorted)
	mux.HandleFunc("GET /-/healthy", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte("The backup exporter is healthy.\n"))
	})
	mux.HandleFunc("POST /-/reload", func(w http.ResponseWriter, _ *http.Request) {
		if !o.lifecycle {
			http.Error(w, "reloading over HTTP is off; start with --web.enable-lifecycle or send SIGHUP", http.StatusForbidden)
			return
		}
		// Not the request's context: the pollers outlive it.
		if err := rl.reload(ctx); err != nil {
			http.Error(w, "the old configuration stays: "+err.Error(), http.StatusInternalServerError)
			return
		}
		_, _ = w.Write([]byte("The configuration was read anew.\n"))
	})
	return pushersOnlyPush(mux), nil
}

// reloader reads the configuration anew, one attempt at a time.
type reloader struct {
	mu        sync.Mutex
	load      func(context.Context) error
	logger    *slog.Logger
	succeeded prometheus.Gauge
	at        prometheus.Gauge
}

func newReloader(r prometheus.Registerer, logger *slog.Logger, load func(context.Context) error) *reloader {
	rl := &reloader{load: load, logger: logger,
		succeeded: promauto.With(r).NewGauge(prometheus.GaugeOpts{Name: "backup_exporter_config_last_reload_successful",
			Help: "Whether the last reading of the configuration succeeded."}),
		at: promauto.With(r).NewGauge(prometheus.GaugeOpts{Name: "backup_exporter_config_last_reload_success_timestamp_seconds",
			Help: "When the configuration was last read successfully."}),
	}
	rl.succeeded.Set(1)
	rl.at.SetToCurrentTime()
	return rl
}

// reload keeps the old configuration on any error.
func (rl *reloader) reload(ctx context.Context) error {
	rl.mu.Lock()
	defer rl.mu.Unlock()
	if err := rl.load(ctx); err != nil {
		rl.succeeded.Set(0)
		rl.logger.Error("configuration not reloaded, the old one stays", "err", err)
		return err
	}
	rl.succeeded.Set(1)
	rl.at.SetToCurrentTime()
	rl.logger.Info("configuration reloaded")
	return nil
}
