package board

import (
	"sync"
	"testing"

	"vigie/rules/incident"
	"vigie/rules/model"
)

// A customer's own person looks at rows of a list from before while newer ones replace them:
// the race detector says whether what the board keeps for itself is touched.
func TestLookingFromOutsideTouchesNothingOfTheBoard(t *testing.T) {
	b := &Board{rows: map[uint32]*Row{}}
	b.put(RowOf(&incident.Incident{Number: 1, State: model.Open}))
	b.settle()
	var looks sync.WaitGroup
	for _, r := range b.sorted {
		looks.Go(func() { r.Outside(func(string) bool { return true }) })
	}
	b.put(RowOf(&incident.Incident{Number: 1, State: model.Open}))
	looks.Wait()
}
