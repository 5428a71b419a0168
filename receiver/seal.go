package receiver

import (
	"context"

	"vigie/receiver/store"
	"vigie/receiver/store/journal"
)

// sealer seals the journal.
type sealer struct{ *core }

// Run turns until ctx ends.
func (s *sealer) Run(ctx context.Context) error {
	return s.turns.Run(ctx, "seal", sealEach, nil, s.turn)
}

// turn seals what the journal grew by since the last seal. Each seal is logged:
// a log that is kept elsewhere then bears witness to what the journal held.
func (s *sealer) turn(ctx context.Context) error {
	// What comes in meanwhile waits for the next minute: under load there would
	// be no end.
	for more := true; more; {
		var seal store.Seal
		var sealed bool
		err := s.store.Update(ctx, func(tx *store.Tx) (err error) {
			seal, sealed, err = tx.SealJournal(s.now())
			return err
		})
		if err != nil || !sealed {
			return err
		}
		s.log.Info("journal sealed", "seal", seal.String(), "chains", seal.Chains)
		more = seal.Chains == journal.HeadsPerSeal
	}
	return nil
}

// LatestSeal returns the newest seal of the journal, to be told to people: kept
// elsewhere, it shows whether the end was cut off. It returns false before the
// first.
func (c *core) LatestSeal(ctx context.Context) (s store.Seal, found bool, err error) {
	err = c.store.View(ctx, func(tx *store.Tx) error {
		s, found, err = tx.LatestSeal()
		return err
	})
	return s, found, err
}
