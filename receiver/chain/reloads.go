package chain

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"vigie/receiver/store"
	"vigie/receiver/store/kept"
)

// Reload is one reading of the configuration.
type Reload struct {
	At     time.Time `json:"at"`
	Taken  bool      `json:"taken_over"`
	Policy string    `json:"policy"`          // in force after it
	Error  string    `json:"error,omitempty"` // why the old one stays
}

const (
	reloadsKey = "reloads"
	maxReloads = 20
	maxError   = 2000
)

// keepWithin bounds what a reload waits for to be remembered.
const keepWithin = 5 * time.Second

// KeepReload remembers a reading of the configuration, beside the newest before.
func KeepReload(in *store.Store, r Reload) error {
	ctx, cancel := context.WithTimeout(context.Background(), keepWithin)
	defer cancel()
	return in.Update(ctx, func(tx *store.Tx) error { return keep(tx, r) })
}

func keep(tx *store.Tx, r Reload) error {
	was, err := tx.Value(reloadsKey)
	if err != nil {
		return err
	}
	all, err := Reloads(tx)
	if err != nil {
		return err
	}
	if len(r.Error) > maxError {
		r.Error = r.Error[:maxError]
	}
	all = append([]Reload{r}, all...)
	text, err := kept.Over([]byte(was), all[:min(len(all), maxReloads)])
	if err != nil {
		return err
	}
	return tx.SetValue(reloadsKey, string(text))
}

// Reloads are the newest readings of the configuration, newest first.
func Reloads(tx *store.Tx) ([]Reload, error) {
	text, err := tx.Value(reloadsKey)
	if err != nil || text == "" {
		return []Reload{}, err
	}
	var all []Reload
	if err := json.Unmarshal([]byte(text), &all); err != nil {
		return nil, fmt.Errorf("remembered reloads: %w", err)
	}
	return all, nil
}
