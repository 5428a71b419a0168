package sentence

import (
	"fmt"
	"testing"
)

// A query is told apart from what it found; whatever only looks like one stays.
func TestQuestion(t *testing.T) {
	query := `{__name__=~"backup_job_info|backup_job_last_result",customer="dupont",job_id=~"a\\.b"}`
	for reason, want := range map[string][2]string{
		fmt.Sprintf("veeam Job Nuit, last success 2026-03-08T22:00:00+01:00; asked %q", query): {"veeam Job Nuit, last success 2026-03-08T22:00:00+01:00", query},
		"taken by adm1":             {"taken by adm1", ""},
		`they asked; asked "why`:    {`they asked; asked "why`, ""},
		`it rests; asked "a" and b`: {`it rests; asked "a" and b`, ""},
	} {
		if found, asked := Question(reason); found != want[0] || asked != want[1] {
			t.Errorf("%q is parted into %q and %q", reason, found, asked)
		}
	}
}
