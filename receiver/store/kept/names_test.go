package kept

import (
	"testing"
	"time"

	"vigie/rules/incident"
)

// Incidents of builds that spelt some fields as the program does are read whole.
func TestStatesOfEarlierSpelling(t *testing.T) {
	var inc incident.Incident
	text := `{"id":"i1","SelfHealed":["2026-03-09T07:10:00Z"],"pauses":[{"From":"2026-03-09T08:00:00Z","To":"2026-03-09T09:00:00Z"},{"From":"2026-03-09T10:00:00Z","To":"0001-01-01T00:00:00Z"}]}`
	if err := Decode([]byte(text), &inc); err != nil {
		t.Fatal(err)
	}
	if len(inc.SelfHealed) != 1 || len(inc.Pauses) != 2 || inc.Pauses[0].To.Sub(inc.Pauses[0].From) != time.Hour || !inc.Pauses[1].To.IsZero() {
		t.Errorf("%+v %+v", inc.SelfHealed, inc.Pauses)
	}
	again, err := Encode(&inc)
	if err != nil {
		t.Fatal(err)
	}
	var same incident.Incident
	if err := Decode(again, &same); err != nil || len(same.SelfHealed) != 1 || len(same.Pauses) != 2 || !same.Pauses[1].From.Equal(inc.Pauses[1].From) {
		t.Errorf("%s: %v", again, err)
	}
}
