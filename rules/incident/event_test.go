package incident

import (
	"fmt"
	"testing"

	"vigie/rules/model"
)

// What is said of an incident that several jobs are in is the same each time.
func TestSiblingOfSeveralJobs(t *testing.T) {
	i := Incident{Alerts: map[string]*Alert{}}
	for n, role := range []string{"local", "primary", "primary", "local"} {
		i.Alerts[fmt.Sprint(n)] = &Alert{Labels: model.Labels{model.LabelBackupRole: role, model.LabelEngine: "engine of " + role, model.LabelPlan: fmt.Sprint(n)}}
	}
	for range 50 {
		if s := SiblingOf(i); s.Role != "local" || s.Engine != "engine of local" || fmt.Sprint(s.Plans) != "[0 1 2 3]" {
			t.Fatalf("%+v", s)
		}
	}
}
