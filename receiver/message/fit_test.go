package message

import (
	"strings"
	"testing"
	"unicode/utf8"

	"vigie/rules/incident"
)

// However long the names are, a subject keeps the number, the urgency, both ends of the
// machine's or platform's name and at least the beginning of what is said of it.
func TestSubjectsKeepTheNameThatMatters(t *testing.T) {
	r := newTestRenderer(t)
	const machine, platform = "SRV-PRODUCTION-TOULOUSE-BATIMENT-C-COMPTABILITE-ET-PAIE-07", "universite-populaire-de-la-region-occitanie-formation-continue-B7"
	for _, lang := range r.Languages().Codes() {
		for _, id := range numbers(r) {
			if id == "D1" {
				continue
			}
			ns := example(id, lang)
			plain, err := r.Subject(ns)
			if err != nil {
				t.Fatal(err)
			}
			for n := range ns {
				f := &ns[n].Data
				f.CustomerName = "Établissements Dupont et Fils, Société Anonyme de Transports et de Logistique"
				if f.Machine != "" {
					f.Machine = machine
				}
				if f.Platform != "" {
					f.Platform = platform
				}
			}
			got, err := r.Subject(ns)
			if err != nil {
				t.Fatal(err)
			}
			if n := utf8.RuneCountInString(got); n > maxSubject {
				t.Errorf("%s %s: %d characters: %s", lang, id, n, got)
			}
			f := ns[0].Data
			for short, long := range map[string]string{example(id, lang)[0].Data.Machine: f.Machine, example(id, lang)[0].Data.Platform: f.Platform} {
				if short == "" || !strings.Contains(plain, short) {
					continue
				}
				if !strings.Contains(got, long[:4]) || !strings.Contains(got, long[len(long)-2:]) {
					t.Errorf("%s %s: which one? %s", lang, id, got)
				}
			}
			if tag, _, tagged := strings.Cut(plain, "] "); tagged && strings.HasPrefix(tag, "[") && !strings.HasPrefix(got, tag+"] ") {
				t.Errorf("%s %s: begins otherwise than %q: %s", lang, id, plain, got)
			}
			if end := plain[strings.LastIndex(plain, " "):]; strings.HasSuffix(end, ")") && !strings.HasSuffix(got, end) {
				t.Errorf("%s %s: ends otherwise than %q: %s", lang, id, plain, got)
			}
			t.Log(got)
		}
	}
}

// Two machines whose names differ in what is left out are two all the same.
func TestShortenedNamesAreCountedWhole(t *testing.T) {
	r := newTestRenderer(t)
	for _, template := range []string{"B6", "B8", "B8q", "B4"} {
		ns := example(template, "en")[:1]
		more := ns[0]
		more.ID, more.IncidentID, more.Data.Number = "n2", "i124", 124
		ns = append(ns, more)
		for n, infix := range []string{"-A-", "-B-"} {
			ns[n].Data.Machine = strings.Repeat("SRV-PARIS", 6) + infix + strings.Repeat("BACKUP", 6)
			ns[n].Data.CustomerName = strings.Repeat("Dupont ", 12)
		}
		short := []incident.Notification{ns[0], ns[1]}
		got, err := r.Subject(short)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(got, "2 ") {
			t.Errorf("%s: %s", template, got)
		}
	}
}

// A mail that leaves later than its alert says how long is left then.
func TestDaysLeftAreThoseLeft(t *testing.T) {
	r := newTestRenderer(t)
	for decided, want := range map[string]string{
		"2025-03-10 07:10": "in 7 days", "2025-03-10 23:30": "in 7 days", "2025-03-12 09:00": "in 5 days",
		"2025-03-16 09:00": "in 1 day", "2025-03-17 09:59": "in 14 h", "2025-03-18 09:00": "in 7 days"} { // what has ended speaks of its warning
		ns := example("M8", "en")[:1]
		ns[0].DecidedAt, ns[0].HoldUntil = at(decided), at(decided)
		if got, err := r.Subject(ns); err != nil || !strings.Contains(got, want) {
			t.Errorf("%s: %s (%v), want %q", decided, got, err, want)
		}
	}
}

// The midnight that ends today is its 24:00, not an hour of tomorrow; and a plan that
// is called like its product is not said twice.
func TestSubjectsSayNothingTwiceNorTomorrow(t *testing.T) {
	r := newTestRenderer(t)
	n := example("B1", "fr")[0]
	n.Data.Deadline = at("2025-03-11 00:00")
	if got, err := r.Subject([]incident.Notification{n}); err != nil || !strings.Contains(got, "[À TRAITER AVANT 24:00]") {
		t.Errorf("%s (%v)", got, err)
	}
	if got, err := r.Render([]incident.Notification{n}); err != nil || !strings.Contains(got.Text, "aujourd'hui avant 24:00") {
		t.Errorf("%s (%v)", got.Text, err)
	}
	n = example("B7", "fr")[0]
	n.Data.Engine = "windows_server_backup"
	for i := range n.Data.Plans {
		n.Data.Plans[i].Plan = "Windows Server Backup"
	}
	if got, err := r.Subject([]incident.Notification{n}); err != nil || strings.Contains(got, "«") {
		t.Errorf("%s (%v)", got, err)
	}
}
