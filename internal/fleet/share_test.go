package fleet_test

import (
	"strings"
	"testing"

	"vigie/internal/fleet"
	"vigie/internal/strict"
)

// An exporter at a customer's site learns of machines, and of nobody.
func TestShareHoldsNothingOfPeople(t *testing.T) {
	whole := strict.File{Name: "/etc/vigie/inventory/all.yml", Text: []byte(`people:
  lea: &lea {name: Léa Dupont, email: lea@dupont.example}
rota: [{role: supervisor, person: lea}]
timezone: Europe/Paris
customers:
  dupont: {name: Dupont, account_manager: lea, it_contact: lea, prefers: user, decommissioned: 2026-06-01} # ask lea
machines:
  - &first {customer: dupont, name: SRV-AD, class: server, user: lea, aliases: [ad], plans: [{plan: daily, role: primary}]}
  - {<<: *first, name: SRV-2, aliases: [srv2]}
sources: {acronis-eu2: }
`)}
	got, some, err := fleet.Share(whole)
	if err != nil || !some || got.Name != "all.yml" {
		t.Fatalf("%+v, %v, %v", got, some, err)
	}
	for _, word := range []string{"lea", "Léa", "prefers", "rota", "it_contact", "account_manager"} {
		if strings.Contains(got.Text, word) {
			t.Errorf("%q is shared:\n%s", word, got.Text)
		}
	}
	var back fleet.Section
	if err := strict.Decode(got.Name, []byte(got.Text), &back); err != nil {
		t.Fatal(err)
	}
	if len(back.Machines) != 2 || back.Machines[1].Name != "SRV-2" || back.Machines[1].Class != "server" || back.Machines[0].Plans[0].Plan != "daily" ||
		back.Customers["dupont"].Name != "Dupont" || back.Customers["dupont"].Decommissioned.IsZero() || len(back.Sources) != 1 {
		t.Errorf("read again: %+v", back)
	}
	csv := strict.File{Name: "machines.csv", Text: []byte("customer;machine;class;User;note\ndupont;PC-LEA;workstation;lea;phone Léa first\n")}
	got, some, err = fleet.Share(csv)
	if want := "customer,machine,class\ndupont,PC-LEA,workstation\n"; err != nil || !some || got.Text != want {
		t.Errorf("CSV: %q, %v, %v; want %q", got.Text, some, err, want)
	}
	if _, some, err := fleet.Share(strict.File{Name: "people.yml", Text: []byte("people: {lea: {name: Léa}}\n")}); some || err != nil {
		t.Errorf("a file of people alone is shared (%v)", err)
	}
}

// covers: P15; where copies lie is no exporter's affair: one that knows no such keys is
// not handed them.
func TestShareLeavesOutWhereCopiesLie(t *testing.T) {
	for name, text := range map[string]string{
		"m.yml": "machines:\n  - {customer: dupont, name: SRV-AD, class: server, plans: [{plan: daily, role: primary, location: vault, medium: tape, offsite: true, immutable: true}]}\n",
		"m.csv": "customer,machine,class,backup_role,plan,location,medium,offsite,immutable\ndupont,SRV-AD,server,primary,daily,vault,tape,yes,yes\n",
	} {
		out, is, err := fleet.Share(strict.File{Name: name, Text: []byte(text)})
		if err != nil || !is || !strings.Contains(out.Text, "daily") {
			t.Fatalf("%s: %v, %q", name, err, out.Text)
		}
		for _, word := range []string{"location", "vault", "medium", "tape", "offsite", "immutable"} {
			if strings.Contains(out.Text, word) {
				t.Errorf("%s is shared with %s:\n%s", name, word, out.Text)
			}
		}
	}
}
