package receiver

import (
	"context"

	"vigie/receiver/store"
)

// Seal seals what the journal grew by since the last seal. Each seal is logged:
// a log that is kept elsewhere then bears witness to what the journal held.
func (e *Engine) Seal(ctx context.Context) error {
	// What comes in meanwhile waits for the next minute: under load there would
	// be no end.
	for more := true; more; {
		var s store.Seal
		var sealed bool
		err := e.store.Update(ctx, func(tx *store.Tx) (err error) {
			s, sealed, err = tx.SealJournal(e.o.Now())
			return err
		})
		if err != nil || !sealed {
			return err
		}
		e.log.Info("journal sealed", "seal", s.String(), "chains", s.Chains)
		more = s.Chains == store.HeadsPerSeal
	}
	return nil
}

// LatestSeal returns the newest seal of the journal, to be told to people: kept
// elsewhere, it shows whether the end was cut off. It returns false before the
// first.
func (e *Engine) LatestSeal(ctx context.Context) (s store.Seal, found bool, err error) {
	err = e.store.View(ctx, func(tx *store.Tx) error {
		s, found, err = tx.LatestSeal()
		return err
	})
	return s, found, err
}
