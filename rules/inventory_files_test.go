package rules_test

import (
	"strings"
	"testing"

	"vigie/internal/strict"
	"vigie/rules/inventory"
)

// Lists as Excel on a French Windows saves them name the same machine as UTF-8
// does; what nobody can read is refused with the cure, never matched to nobody.
func TestMachinesFromSpreadsheets(t *testing.T) {
	people := strict.File{Name: "people.yml", Text: []byte("customers:\n  dupont: {name: Dupont}\n")}
	for name, text := range map[string]string{
		"Windows-1252, semicolons": "customer;machine;class;plans\r\ndupont;POSTE-COMPTABILIT\xc9;workstation;primary:acronis:journali\xe8re\r\n",
		"UTF-8, commas":            "customer,machine,class,plans\ndupont,POSTE-COMPTABILITÉ,workstation,primary:acronis:journalière\n",
		"UTF-8, tabs":              "customer\tmachine\tclass\tplans\ndupont\tPOSTE-COMPTABILITÉ\tworkstation\tprimary:acronis:journalière\n",
	} {
		d, err := inventory.Load([]strict.File{people, {Name: "machines.csv", Text: []byte(text)}})
		if err != nil || len(d.Machines) != 1 || d.Machines[0].Name != "POSTE-COMPTABILITÉ" || d.Machines[0].Plans[0].Plan != "journalière" {
			t.Errorf("%s: %+v, %v", name, d, err)
		}
	}
	_, err := inventory.Load([]strict.File{people, {Name: "machines.csv", Text: []byte("customer;machine;class\r\ndupont;POSTE-\x90;workstation\r\n")}})
	if err == nil || !strings.Contains(err.Error(), "machines.csv:1") || !strings.Contains(err.Error(), "CSV UTF-8") {
		t.Errorf("another code page: %v", err)
	}
}

// What the mail channel cannot write to is no address for the check either.
func TestAddressesThatNobodyCanWriteTo(t *testing.T) {
	for address, good := range map[string]bool{
		"lea@dupont.example": true, "lea@bücher.example": true, "l.e+a@dupont.example": true,
		"zoé@dupont.example": false, "lea@dupont_x.example": false, "lea@[192.0.2.1]": false, strings.Repeat("l", 65) + "@a.example": false, "lea@-x.example": false,
	} {
		_, err := inventory.Load([]strict.File{{Name: "people.yml", Text: []byte("people:\n  lea: {name: Léa, email: \"" + address + "\"}\n")}})
		if (err == nil) != good || err != nil && !strings.Contains(err.Error(), "plain address") && !strings.Contains(err.Error(), "write it bare") {
			t.Errorf("%s: %v", address, err)
		}
	}
}

// A file whose days are closed by the clock of the inventory's zone alone is not
// taken for one that closes none; and what became of each event is told.
func TestCalendarFileIsReported(t *testing.T) {
	text := "\xef\xbb\xbfBEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//x//EN\r\n" +
		"BEGIN:VEVENT\r\nUID:1\r\nSUMMARY:Pont\r\nDTSTART:20260712T220000Z\r\nDTEND:20260714T220000Z\r\nEND:VEVENT\r\n" +
		"BEGIN:VEVENT\r\nUID:2\r\nSUMMARY:Réunion\r\nDTSTART:20260515T090000Z\r\nDTEND:20260515T100000Z\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
	f := strict.File{Name: "service_day.ics", Text: []byte(text)}
	if err := inventory.CheckICal(f); err != nil {
		t.Error(err)
	}
	d, err := inventory.Load([]strict.File{f, {Name: "people.yml", Text: []byte("timezone: Europe/Paris\n")}})
	if err != nil {
		t.Fatal(err)
	}
	got := strings.Join(d.Imported[0].Lines(), "\n")
	for _, want := range []string{"1 events close 2 days of calendar service_day: 2026-07-13 to 2026-07-14", `passed over: "Réunion", because it lasts no whole day`} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is missing in\n%s", want, got)
		}
	}
}
