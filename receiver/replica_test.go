package receiver_test

import (
	"strings"
	"testing"
	"time"
)

// Two Prometheus with an external label that nobody drops report the same run of
// the same job: one incident, one failure.
func TestReplicaIsOneFailure(t *testing.T) {
	r := newRig(t, 0)
	a, b := backup("dupont", "SRV-AD", "primary"), backup("dupont", "SRV-AD", "primary")
	a["prometheus_replica"], b["prometheus_replica"] = "prom-0", "prom-1"
	r.fires(dog, a, b)
	r.pass(2 * time.Minute)
	said(t, r)
}

func said(t *testing.T, r *rig) {
	t.Helper()
	ms := r.mails("opened")
	if len(ms) != 1 {
		t.Fatalf("%d mails, want 1", len(ms))
	}
	for _, wrong := range []string{"2nd", "failures in a row"} {
		if strings.Contains(ms[0].Header("Subject")+ms[0].Text, wrong) {
			t.Errorf("after one failed run the mail says %q (subject %s)", wrong, ms[0].Header("Subject"))
		}
	}
}
