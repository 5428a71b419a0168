package rules_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"vigie/internal/strict"
	"vigie/rules"
	"vigie/rules/book"
	"vigie/rules/incident"
	"vigie/rules/inventory"
	"vigie/rules/model"
)

// likePolicy has a scenario for Alsace that is like another one.
const likePolicy = `schema: 1
effective_from: 2026-01-01
timezone: Europe/Paris
calendars:
  office: &office
    timezone: Europe/Paris
    weekly_windows: {monday: [["09:00", "18:00"]], thursday: [["09:00", "18:00"]], friday: [["09:00", "18:00"]], tuesday: [["09:00", "18:00"]]}
    public_holidays: france
  alsace: {<<: *office, public_holidays: france_alsace_moselle}
roles:
  duty: {people: [sup]}
scenarios:
  - name: server
    match: ['customer="dupont"']
    identity: [customer, machine]
    calendar: office
    targets:
      day: {within: close_of_business_day 0, met_by: [repaired]}
      week: {within: 5 business_days, met_by: [repaired]}
    steps:
      - {name: opened, template: B1, when: {at: opening}, to: [duty]}
      - {name: nobody, template: D2, when: {at: opening, plus: 1 business_hours}, to: [duty]}
      - {name: missed, template: B11, when: {breach_of: day}, to: [duty]}
  - name: alsace
    like: server
    match: ['customer="martin"']
    calendar: alsace
    without: [nobody, week]
    steps:
      - {name: missed, template: B2, when: {breach_of: day}, to: [duty]}
      - {name: again, template: B8q, when: {each_opening: alsace}, to: [duty]}
  - name: rest
    match: []
    identity: [customer]
    calendar: office
    ended_by: cleared
`

func likeBook(t *testing.T, text string) *rules.Book {
	t.Helper()
	policies, err := rules.LoadPolicies([]strict.File{{Name: "p.yml", Text: []byte(likePolicy)}})
	if err != nil {
		t.Fatal(err)
	}
	dir, err := inventory.Load([]strict.File{{Name: "i.yml", Text: []byte(text)}})
	if err != nil {
		t.Fatal(err)
	}
	book, err := rules.NewBook(dir, policies...)
	if err != nil {
		t.Fatal(err)
	}
	return book
}

// A scenario that is like another one has its steps and targets by name, and goes
// by its own calendar: Good Friday is a holiday in Alsace.
func TestLikeFillsInAtTheEnd(t *testing.T) {
	book := likeBook(t, "people: {sup: {name: Sup, email: sup@msp.example}}\n")
	p := book.InForce(time.Date(2026, 4, 1, 0, 0, 0, 0, time.UTC))
	var steps []string
	for _, st := range p.Scenario("alsace").Steps {
		steps = append(steps, st.Name+" "+st.Template)
	}
	if want := []string{"opened B1", "missed B2", "again B8q"}; !slices.Equal(steps, want) {
		t.Errorf("steps %q, want %q", steps, want)
	}
	if n := len(p.Scenario("alsace").Targets); n != 1 {
		t.Errorf("%d targets, want day alone", n)
	}
	if n := len(p.Scenario("server").Steps); n != 3 {
		t.Errorf("the other scenario has %d steps now", n)
	}
	for customer, want := range map[string]string{"dupont": "2026-04-03 18:00", "martin": "2026-04-07 18:00"} {
		dueOf(t, book, customer, want)
	}
	warned := strings.Join(p.Warnings(book.Directory, time.Date(2026, 4, 1, 0, 0, 0, 0, time.UTC)), "\n")
	if !strings.Contains(warned, "scenario rest tells nobody") {
		t.Errorf("no warning of a scenario without steps: %s", warned)
	}
}

// dueOf opens an incident early on Good Friday and looks at its deadline.
func dueOf(t *testing.T, b *rules.Book, customer, want string) {
	t.Helper()
	paris, err := time.LoadLocation("Europe/Paris")
	if err != nil {
		t.Fatal(err)
	}
	now := time.Date(2026, 4, 3, 8, 0, 0, 0, paris)
	s := model.Signal{Kind: model.BackupAlert, Fingerprint: "f", StartsAt: now, Labels: model.Labels{"customer": customer, "machine": "SRV"}}
	d := b.Decide(b.Begin(b.Classify(s, now), "i1", 1, now), incident.Fired{Signal: s}, incident.Circumstances{}, now)
	c := d.Incident.Targets["day"]
	if c == nil || c.Due.In(paris).Format("2006-01-02 15:04") != want {
		t.Errorf("%s: due %+v, want %s", customer, c, want)
	}
}

// A customer may have a calendar of its own.
func TestCustomersCalendar(t *testing.T) {
	b := likeBook(t, "people: {sup: {name: Sup, email: sup@msp.example}}\ncustomers: {dupont: {name: Dupont, calendar: alsace}}\n")
	dueOf(t, b, "dupont", "2026-04-07 18:00")
	dir, err := inventory.Load([]strict.File{{Name: "i.yml", Text: []byte("customers: {dupont: {name: Dupont, calendar: alsaec}}\n")}})
	if err != nil {
		t.Fatal(err)
	}
	policies, _ := rules.LoadPolicies([]strict.File{{Name: "p.yml", Text: []byte(likePolicy)}})
	if err := book.CheckClosures(dir, policies); err == nil || !strings.Contains(err.Error(), `did you mean "alsace"`) {
		t.Errorf("an unknown calendar of a customer: %v", err)
	}
}
