package lead

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"strings"
	"testing"

	"vigie/receiver/store"
	"vigie/receiver/store/pgtest"
)

// A receiver that is given the lease and cannot work under it, as one that is too old to
// read a policy, lets another have it.
func TestWhoCannotLeadLetsGo(t *testing.T) {
	s := pgtest.For(t)
	receiver := func(hear, takeOver error) *Leader {
		db, err := store.Open(t.Context(), s.URL("postgres"))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = db.Close() })
		return New(Options{Store: db, Log: slog.New(slog.NewTextHandler(io.Discard, nil)),
			Hear:     func(context.Context, store.Pulse, bool, bool) error { return hear },
			TakeOver: func(context.Context, store.Lease) error { return takeOver }})
	}
	old, stuck, able := receiver(errors.New("a policy cannot be read"), nil), receiver(nil, errors.New("it cannot be taken over")), receiver(nil, nil)
	for _, one := range []*Leader{old, stuck, old} {
		if err := one.pulse(t.Context()); err == nil || !strings.Contains(err.Error(), "cannot turn the loops") {
			t.Fatalf("it says %v", err)
		}
		if _, leads := one.leads(); leads {
			t.Error("it leads all the same")
		}
	}
	if err := able.pulse(t.Context()); err != nil {
		t.Fatal(err)
	}
	_ = old.pulse(t.Context()) // it may not even try
	if err := able.pulse(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, leads := able.leads(); !leads {
		t.Error("nobody leads")
	}
}
