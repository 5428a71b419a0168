package receiver_test

import (
	"net/http"
	"testing"
	"time"

	"vigie/rules/model"
)

// covers: S1.33; an incident is merged with one that goes on and is the same
// customer's: what fails would otherwise be nobody's.
func TestMergeNamesOneThatGoesOn(t *testing.T) {
	r := newRig(t, 0)
	r.fires(backup("dupont", "SRV-AD", "primary"), backup("dupont", "SRV-AD2", "primary"), backup("martin", "SRV-FIC", "primary"), backup("dupont", "SRV-OLD", "primary"))
	r.pass(2 * time.Second)
	ids := map[string]string{}
	for _, i := range r.incidents("") {
		ids[i.Identity["machine"]] = i.ID
	}
	id := func(machine string) string { return ids[machine] }
	r.act(http.StatusOK, adm1Token, id("SRV-OLD"), "close", map[string]string{"reason": "decommissioned"})
	for into, want := range map[string]int{"99": http.StatusUnprocessableEntity, "the other one": http.StatusUnprocessableEntity, id("SRV-AD2"): http.StatusUnprocessableEntity,
		id("SRV-OLD"): http.StatusConflict, "#" + id("SRV-FIC")[1:]: http.StatusConflict} {
		r.act(want, adm1Token, id("SRV-AD2"), "merge", map[string]string{"into": into})
	}
	r.state(id("SRV-AD2"), model.Open)
	r.act(http.StatusOK, adm1Token, id("SRV-AD2"), "merge", map[string]string{"into": "#" + id("SRV-AD")[1:]})
	r.state(id("SRV-AD2"), model.Closed)
}
