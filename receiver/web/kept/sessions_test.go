package kept

import (
	"fmt"
	"testing"
	"time"
)

// However many ask without a session, they push out each other and nobody who has come.
func TestSessionsAreBounded(t *testing.T) {
	var s Sessions
	now := time.Now()
	if err := s.Commit("person", []byte("sup"), now.Add(12*time.Hour)); err != nil {
		t.Fatal(err)
	}
	for n := range 3 * mostSessions {
		if err := s.Commit(fmt.Sprint("visitor", n), nil, now.Add(time.Hour+time.Duration(n))); err != nil {
			t.Fatal(err)
		}
		if len(s.by) > mostSessions {
			t.Fatalf("%d sessions are held", len(s.by))
		}
	}
	if data, found, _ := s.Find("person"); !found || string(data) != "sup" {
		t.Error("who had come was pushed out")
	}
	if _, found, _ := s.Find(fmt.Sprint("visitor", 3*mostSessions-1)); !found {
		t.Error("who asked last was pushed out")
	}
	if err := s.Commit("over", nil, now.Add(-time.Second)); err != nil {
		t.Fatal(err)
	}
	if _, found, _ := s.Find("over"); found {
		t.Error("a session goes on beyond its end")
	}
	if err := s.Delete("person"); err != nil {
		t.Fatal(err)
	}
	if _, found, _ := s.Find("person"); found {
		t.Error("a session that was ended goes on")
	}
}
