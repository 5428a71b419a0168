package smtpsink_test

import (
	"testing"

	former "vigie/receiver/notify/smtpsink"
	"vigie/receiver/smtpsink"
)

// What is made under the former name is the same thing.
func TestFormerName(t *testing.T) {
	var s *smtpsink.Server
	s, err := former.Start(t.Context(), former.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := s.SetFaults(former.Faults{Mail: former.Reply{Code: 550, Text: "5.7.1 no"}}); err != nil {
		t.Fatal(err)
	}
	if got := former.Bare([]smtpsink.Address{{Address: "sup@msp.example"}}); len(got) != 1 || got[0] != "sup@msp.example" {
		t.Errorf("bare addresses %v", got)
	}
}
