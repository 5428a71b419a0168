package exporters

import (
	"strings"
	"testing"
)

func TestUnmatchedForPeople(t *testing.T) {
	for want, u := range map[string]Unmatched{
		"UPID:pbs: its namespace is not told; it may be of main/a/vm/100, main/b/vm/100": {OpenNamespace, "UPID:pbs", []string{"main/a/vm/100", "main/b/vm/100"}},
		"UPID:pbs: its namespace is not told; it may be of a job that is not known yet":  {OpenNamespace, "UPID:pbs", nil},
		"Bureau: its device is not told; it may be of 1, 2, 3, 4, 5 and 2 more":          {OpenDevice, "Bureau", strings.Split("1234567", "")},
	} {
		if got := u.String(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
