package inventory

import (
	"testing"

	"vigie/internal/strict"
)

// A copy is expected under its kind, and is no other backup.
func TestCopyIsExpectedAsOne(t *testing.T) {
	d, err := Load([]strict.File{{Name: "i.yml", Text: []byte("customers: {d: {name: D}}\nmachines:\n" +
		"  - {customer: d, name: A, class: server, plans: [{plan: daily, role: primary}, {plan: Copie, kind: copy}]}\n" +
		"  - {customer: d, name: B, class: server, plans: [{plan: daily, role: primary}, {plan: Job, role: local}]}\n")}})
	if err != nil {
		t.Fatal(err)
	}
	if p := d.Machine("d", "A").Plans; len(p) != 2 || p[1].Role != "copy" {
		t.Errorf("%+v", p)
	}
	if d.ExpectsOther("d", "A", "primary") || !d.ExpectsOther("d", "B", "primary") {
		t.Error("a copy is taken for another backup, or another backup is none")
	}
}
