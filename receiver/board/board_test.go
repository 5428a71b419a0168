package board

import (
	"testing"

	"vigie/rules/incident"
	"vigie/rules/model"
)

// Whoever looks for what is silenced does not find what is so in part: its reminders go on.
func TestSilencedIsWhole(t *testing.T) {
	part := incident.Incident{Silences: map[string]incident.Silence{"s1": {ID: "s1"}}}
	whole := part
	whole.Flags = map[model.Flag]bool{model.FlagSilenced: true}
	if RowOf(&part).Silenced || !RowOf(&whole).Silenced {
		t.Error("what is silenced in part counts as silenced")
	}
}
