package receiver_test

import (
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"vigie/rules/model"
)

// covers: T6; a silence made in Vigie, with the real Alertmanager: one however
// often it is asked for, seen by reconciliation as any other, told when it ends,
// and an error while Alertmanager is away.
func TestSilenceActLive(t *testing.T) {
	l := newLive(t)
	a := backup("dupont", "SRV-AD", "primary")
	l.failed(a)
	l.fire(a)
	l.until("open", l.is(a, model.Open))
	id := l.the("machine=SRV-AD").ID
	type silence struct {
		ID, CreatedBy, Comment string
		Status                 struct{ State string }
		Matchers               []struct{ Name, Value string }
	}
	active := func() (out []silence) {
		var all []silence
		if err := l.call(http.MethodGet, "/api/v2/silences", nil, &all); err != nil {
			t.Fatal(err)
		}
		for _, s := range all {
			if s.Status.State == "active" {
				out = append(out, s)
			}
		}
		return out
	}
	until := time.Now().Add(6 * time.Second).Format(time.RFC3339Nano)
	for range 3 {
		l.act(http.StatusOK, adm1Token, id, "silence", map[string]string{"comment": "disk being replaced", "until": until})
	}
	got := active()
	if len(got) != 1 || got[0].CreatedBy != "adm1" || !strings.Contains(got[0].Comment, "disk being replaced") || len(got[0].Matchers) != 3 {
		t.Fatalf("silences: %+v", got)
	}
	if i := l.the("machine=SRV-AD"); i.Acts[0].Fields["silence"] != got[0].ID {
		t.Errorf("the act does not name its silence: %+v", i.Acts)
	}
	l.until("in hand", func() bool {
		i := l.the("machine=SRV-AD")
		return i.Flags[model.FlagSilenced] && i.Assignee == "adm1"
	})
	// An earlier end changes the one that there is.
	until = time.Now().Add(3 * time.Second).Format(time.RFC3339Nano)
	l.act(http.StatusOK, adm1Token, id, "silence", map[string]string{"comment": "nearly done", "until": until})
	if got := active(); len(got) != 1 || !strings.Contains(got[0].Comment, "nearly done") {
		t.Errorf("silences: %+v", got)
	}
	l.until("told of the silence's end", func() bool { return len(l.mails("silence_over")) > 0 })

	l.fails = true
	l.endAM(syscall.SIGKILL)
	acts := len(l.the("machine=SRV-AD").Acts)
	if text := l.act(http.StatusServiceUnavailable, adm1Token, id, "silence", nil); !strings.Contains(text, "nothing was silenced") {
		t.Errorf("refused with %s", text)
	}
	if n := len(l.the("machine=SRV-AD").Acts); n != acts {
		t.Errorf("%d acts, %d before", n, acts)
	}
}
