package pgtest

import "errors"

// Test is what is needed of a test, as *testing.T gives it.
type Test interface {
	Helper()
	Skip(...any)
	Fatal(...any)
	Error(...any)
	Cleanup(func())
}

// For starts a server of a test's own, which ends with it. Where there is no
// PostgreSQL the test is skipped.
func For(t Test, settings ...string) *Server {
	t.Helper()
	s, err := Start(settings...)
	return lasting(t, s, err)
}

// StandbyFor starts a standby of the server that ends with the test.
func (s *Server) StandbyFor(t Test) *Server {
	t.Helper()
	standby, err := s.Standby()
	return lasting(t, standby, err)
}

func lasting(t Test, s *Server, err error) *Server {
	t.Helper()
	if errors.Is(err, ErrAbsent) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Stop(); err != nil {
			t.Error(err)
		}
	})
	return s
}
