package receiver_test

import (
	"net/http"
	"testing"
	"time"

	"vigie/receiver"
	"vigie/rules/model"
)

// younger is a receiver with another policy than the others on that database: by a key
// that only a newer build knows, or by a value.
func younger(t *testing.T, address string, readable bool) *rig {
	t.Helper()
	return newRig(t, 0, on(address), func(r *rig) {
		r.edits = []string{"hold: 60s", "hold: 61s"}
		r.tune = func(p *receiver.Reloadable) {
			for _, policy := range p.Book.Policies() {
				if !readable {
					policy.Source[0].Text = append(policy.Source[0].Text, "\nkey_of_tomorrow: true\n"...)
				}
			}
		}
	})
}

// A receiver learns what an incident is pinned to when it meets the incident, however
// long ago another brought that policy.
func TestPolicyLearntWhenMet(t *testing.T) {
	address, err := postgresServer(t).New()
	if err != nil {
		t.Fatal(err)
	}
	old := newRig(t, 0, on(address))
	newer := younger(t, address, true)
	defer leads(t, old.engine)() // it has heard of the policy, which nothing is pinned to yet
	body := delivery("firing", monday, time.Time{}, backup("dupont", "SRV-1", "primary"))
	newer.post(http.StatusOK, body)
	eventually(t, "it goes on with the newer one's incident", func() bool {
		code, _ := old.request(http.MethodPost, "/api/v1/alertmanager", hookToken, body)
		return code == http.StatusOK
	})
	if got, want := old.the("machine=SRV-1").Policy, newer.reloadable.Book.Policies()[0].Hash; got != want {
		t.Errorf("it is under %s, not %s", got, want)
	}
}

// What concerns incidents of a policy that only a newer build can read is refused by an
// older one, for Alertmanager to repeat to the newer, whether they are open or have ended;
// and the loops are the newer one's.
func TestPolicyThatCannotBeRead(t *testing.T) {
	address, err := postgresServer(t).New()
	if err != nil {
		t.Fatal(err)
	}
	old := newRig(t, 0, on(address))
	newer := younger(t, address, false)
	defer leads(t, old.engine)()
	fails := func(at time.Time, want int, r *rig) {
		t.Helper()
		r.post(want, delivery("firing", at, time.Time{}, backup("dupont", "SRV-1", "primary")))
	}
	fails(monday, http.StatusOK, newer)
	fails(monday, http.StatusServiceUnavailable, old)
	defer leads(t, newer.engine)() // the older one gives the lease up, and asks for it in vain
	id := newer.the("machine=SRV-1").ID
	newer.act(http.StatusOK, adm1Token, id, "close", map[string]string{"reason": "mended by hand"})
	later := monday.Add(time.Hour)
	old.set(later)
	newer.set(later)
	fails(later, http.StatusServiceUnavailable, old)
	fails(later, http.StatusOK, newer)
	if again := newer.the("ended=true&machine=SRV-1"); again.ID != id || again.State != model.Open || again.Episode != 2 {
		t.Errorf("it is %s, %s, episode %d", again.ID, again.State, again.Episode)
	}
	old.post(http.StatusOK, delivery("firing", later, time.Time{}, backup("dupont", "SRV-2", "primary"))) // its own policy's
	if _, both := old.engine.Alone(t.Context()); both {
		t.Error("who cannot read a policy turns the loops")
	}
}

// eventually waits for what other goroutines bring about.
func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	for end := time.Now().Add(time.Minute); !is(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("not within a minute: " + what)
		}
	}
}
