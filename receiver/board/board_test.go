package board

import (
	"testing"

	"vigie/rules"
)

// Whoever looks for what is silenced does not find what is so in part: its reminders go on.
func TestSilencedIsWhole(t *testing.T) {
	part := rules.Incident{Silences: map[string]rules.Silence{"s1": {ID: "s1"}}}
	whole := part
	whole.Flags = map[rules.Flag]bool{rules.FlagSilenced: true}
	if RowOf(&part).Silenced || !RowOf(&whole).Silenced {
		t.Error("what is silenced in part counts as silenced")
	}
}
