package main

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/promslog"

	"vigie/exporters"
	"vigie/internal/fleet"
)

// TestInventoryFromReceiver lives through what happens to a fetched inventory: the
// first answer, one that is new, one that is refused, none, and a restart then.
func TestInventoryFromReceiver(t *testing.T) {
	var answer atomic.Pointer[fleet.Shared]
	var status atomic.Int64
	status.Store(http.StatusOK)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/api/v1/inventory" || r.Header.Get("Authorization") != "Bearer the-exporters-token" {
			http.Error(w, "no", http.StatusUnauthorized)
			return
		}
		w.WriteHeader(int(status.Load()))
		_ = json.NewEncoder(w).Encode(answer.Load())
	}))
	defer server.Close()
	serve := func(version string, lines string) {
		answer.Store(&fleet.Shared{Version: version, Files: []fleet.SharedFile{{Name: "machines.csv", Text: "customer,machine,class\n" + lines}}})
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "token"), []byte("the-exporters-token\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	from := &inventoryFrom{TokenFile: "token"}
	if err := from.URL.UnmarshalScalar(server.URL); err != nil {
		t.Fatal(err)
	}
	if err := from.Validate(dir); err != nil {
		t.Fatal(err)
	}
	begin := func() (*inventoryFetcher, *configuration) {
		h := newManager(dir, promslog.NewNopLogger())
		env := exporters.SourceOptions{Now: time.Now, Sleep: func(context.Context, time.Duration) error { return nil }}
		x := newInventoryFetcher(h, env, prometheus.NewRegistry(), promslog.NewNopLogger())
		c := &configuration{from: from}
		x.begin(t.Context(), c)
		return x, c
	}

	serve("1", "dupont,SRV-AD,server\n")
	x, c := begin()
	if c.inventory.Len() != 1 || !good(t, x) {
		t.Fatalf("%d machines at the start", c.inventory.Len())
	}
	serve("2", "dupont,SRV-AD,server\ndupont,SRV-2,server\n")
	if v, err := x.fetch(t.Context(), from); err != nil || v.Len() != 2 {
		t.Fatalf("a new inventory: %v, %v", v.Len(), err)
	}
	if v, err := x.fetch(t.Context(), from); err != nil || v != nil {
		t.Errorf("the same inventory once more: %v, %v", v, err)
	}
	serve("3", "dupont,SRV-AD,toaster\n")
	if _, err := x.fetch(t.Context(), from); err == nil || good(t, x) {
		t.Errorf("an inventory that cannot be read is taken: %v", err)
	}
	status.Store(http.StatusServiceUnavailable)
	x, c = begin()
	if c.inventory.Len() != 2 || good(t, x) {
		t.Errorf("after a restart without the receiver there are %d machines, want the 2 of the last good copy", c.inventory.Len())
	}
}

// good tells whether the exporter says that its inventory is fresh.
func good(t *testing.T, x *inventoryFetcher) bool {
	t.Helper()
	var m dto.Metric
	if err := x.good.Write(&m); err != nil {
		t.Fatal(err)
	}
	return m.GetGauge().GetValue() == 1
}
