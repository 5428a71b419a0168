package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"vigie/exporters"
	"vigie/exporters/httpclient"
	"vigie/internal/atomicfile"
	"vigie/internal/fleet"
)

// inventoryPath is where the receiver serves the inventory.
const inventoryPath = "/api/v1/inventory"

// inventoryFrom is where the inventory is fetched: the receiver, with a token.
type inventoryFrom struct {
	httpclient.Target `yaml:",inline"`
	TokenFile         string             `yaml:"token_file"`
	PollInterval      exporters.Duration `yaml:"poll_interval"`
	Timeout           exporters.Duration `yaml:"timeout"`

	token exporters.Secret
}

// Validate fills in defaults and checks. Dir is the folder to which relative file
// names refer.
func (f *inventoryFrom) Validate(dir string) error {
	f.PollInterval = cmp.Or(f.PollInterval, exporters.Duration(5*time.Minute))
	f.Timeout = cmp.Or(f.Timeout, exporters.Duration(30*time.Second))
	if f.PollInterval < exporters.Duration(time.Second) || f.Timeout < exporters.Duration(time.Second) {
		return &exporters.ConfigError{Key: "poll_interval", What: "poll_interval or timeout is shorter than a second", Cure: "write for example 5m and 30s"}
	}
	if err := f.Target.Validate(dir, "https://vigie.msp.example"); err != nil {
		return err
	}
	f.token = exporters.Secret{File: f.TokenFile}
	return f.token.Resolve(dir, "token")
}

// get asks for the inventory once.
func (f *inventoryFrom) get(ctx context.Context, env exporters.SourceOptions) (fleet.Shared, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Duration(f.Timeout))
	defer cancel()
	o, err := f.Options(env)
	if err != nil {
		return fleet.Shared{}, err
	}
	c := httpclient.New(o)
	defer c.Close()
	token, err := f.token.Read()
	if err != nil {
		return fleet.Shared{}, err
	}
	var s fleet.Shared
	err = c.GetJSON(ctx, "inventory", inventoryPath, nil, http.Header{"Authorization": {"Bearer " + token}}, &s)
	if err == nil && s.Version == "" {
		err = errors.New("the answer is no inventory: is the address Vigie's?")
	}
	return s, err
}

// fetchOnce says whether the inventory can be fetched.
func (f *inventoryFrom) fetchOnce(ctx context.Context, env exporters.SourceOptions) (string, bool) {
	s, err := f.get(ctx, env)
	if err != nil {
		return "not fetched: " + err.Error(), false
	}
	v, err := exporters.ParseInventory(s.Files)
	if err != nil {
		return "refused: " + err.Error(), false
	}
	return fmt.Sprintf("fetched, %d machines", v.Len()), true
}

// inventoryCopy is the file of the last good inventory.
func inventoryCopy(stateDir string) string { return filepath.Join(stateDir, "inventory-copy.json") }

// readInventoryCopy reads the last good one; without one both are nil.
func readInventoryCopy(stateDir string) (*fleet.Shared, *exporters.Inventory, error) {
	text, err := os.ReadFile(inventoryCopy(stateDir))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil, nil
	}
	if err != nil {
		return nil, nil, err
	}
	var s fleet.Shared
	if err := json.Unmarshal(text, &s); err != nil {
		return nil, nil, fmt.Errorf("%s: %w", inventoryCopy(stateDir), err)
	}
	v, err := exporters.ParseInventory(s.Files)
	return &s, v, err
}

// inventoryFetcher keeps the manager's inventory as the receiver serves it.
type inventoryFetcher struct {
	manager  *manager
	env      exporters.SourceOptions
	logger   *slog.Logger
	changed  chan *inventoryFrom
	good, at prometheus.Gauge

	mu      sync.Mutex // one question at a time
	version string     // of what the manager has
}

func newInventoryFetcher(h *manager, env exporters.SourceOptions, r prometheus.Registerer, logger *slog.Logger) *inventoryFetcher {
	return &inventoryFetcher{manager: h, env: env, logger: logger, changed: make(chan *inventoryFrom, 1),
		good: promauto.With(r).NewGauge(prometheus.GaugeOpts{Name: "backup_exporter_inventory_last_fetch_successful",
			Help: "Whether the inventory could be fetched from the receiver the last time; 1 where it is read from files."}),
		at: promauto.With(r).NewGauge(prometheus.GaugeOpts{Name: "backup_exporter_inventory_last_fetch_success_timestamp_seconds",
			Help: "When the inventory was last fetched from the receiver; 0 where it is read from files."}),
	}
}

// begin completes a configuration with the inventory that is there: fetched now,
// or the last good copy, or none yet, which is told.
func (x *inventoryFetcher) begin(ctx context.Context, c *configuration) {
	if c.from == nil {
		x.good.Set(1)
		x.at.Set(0)
		x.follow(nil)
		return
	}
	s, v, err := readInventoryCopy(x.manager.stateDir)
	if err != nil {
		x.logger.Error("the last good inventory cannot be read; it is fetched anew", "err", err)
	}
	if s != nil && err == nil {
		x.mu.Lock()
		x.version, c.inventory = s.Version, v
		x.mu.Unlock()
	}
	if fetched, err := x.fetch(ctx, c.from); err == nil && fetched != nil {
		c.inventory = fetched
	}
	if c.inventory == nil {
		x.logger.Error("there is no inventory yet: machines keep the names of their products, and nothing is missed, until it can be fetched")
	}
	x.follow(c.from)
}

// follow has run ask there from now on.
func (x *inventoryFetcher) follow(from *inventoryFrom) {
	select {
	case <-x.changed:
	default:
	}
	x.changed <- from
}

// fetch asks once, and keeps what is new; nil when nothing is. What is refused
// changes nothing.
func (x *inventoryFetcher) fetch(ctx context.Context, from *inventoryFrom) (*exporters.Inventory, error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	v, err := x.load(ctx, from)
	if err != nil {
		x.good.Set(0)
		x.logger.Warn("the inventory was not fetched; the last good one stays", "url", from.URL.String(), "err", err)
		return nil, err
	}
	x.good.Set(1)
	x.at.Set(float64(x.manager.now().Unix()))
	return v, nil
}

func (x *inventoryFetcher) load(ctx context.Context, from *inventoryFrom) (*exporters.Inventory, error) {
	s, err := from.get(ctx, x.env)
	if err != nil {
		return nil, err
	}
	if s.Version == x.version {
		return nil, nil
	}
	v, err := exporters.ParseInventory(s.Files)
	if err != nil {
		return nil, err
	}
	text, err := json.Marshal(s)
	if err != nil {
		return nil, err
	}
	err = atomicfile.Replace(inventoryCopy(x.manager.stateDir), 0o600, func(w io.Writer) error {
		_, err := w.Write(text)
		return err
	})
	if err != nil {
		return nil, err
	}
	x.version = s.Version
	x.logger.Info("inventory fetched", "machines", v.Len(), "version", s.Version)
	return v, nil
}

// run asks at the configured pace until ctx ends.
func (x *inventoryFetcher) run(ctx context.Context) {
	var from *inventoryFrom
	var tick <-chan time.Time
	for {
		select {
		case <-ctx.Done():
			return
		case from = <-x.changed:
		case <-tick:
			if v, err := x.fetch(ctx, from); err == nil && v != nil {
				x.manager.setInventory(v)
			}
		}
		tick = nil
		if from != nil {
			tick = time.After(time.Duration(from.PollInterval))
		}
	}
}
