package message

import (
	"strings"
	"testing"

	"vigie/rules/incident"
)

// Whoever is told that a mail was refused reads what was refused: an address is
// to be mended, a message is not to be looked for in the inventory.
func TestRefusalInItsOwnWords(t *testing.T) {
	r := newTestRenderer(t)
	for lang, words := range map[string]map[string][2]string{ // what, then what is and what is not written
		"fr": {
			incident.RefusedAddress: {"Corrigez l'adresse dans l'inventaire", "L'adresse n'est pas en cause"},
			incident.RefusedMessage: {"à cause de son contenu ou de sa taille", "Corrigez l'adresse"},
			incident.RefusedTrouble: {"malgré des essais répétés", "Corrigez l'adresse"},
			incident.UnfilledRole:   {"la trace n'est pas faite", "Corrigez l'adresse"},
			incident.UnreachedRole:  {"n'est arrivé à personne", "trace"},
		},
		"en": {
			incident.RefusedAddress: {"Mend the address in the inventory", "Nothing is wrong with the address"},
			incident.RefusedMessage: {"for its content or its size", "Mend the address"},
			incident.RefusedTrouble: {"however often it was tried", "Mend the address"},
			incident.UnfilledRole:   {"the trace is not done", "Mend the address"},
			incident.UnreachedRole:  {"has reached nobody", "trace"},
		},
	} {
		for what, w := range words {
			ns := example("D7", lang)
			ns[0].Data.RefusedWhat = what
			out, err := r.Render(ns)
			if err != nil {
				t.Fatal(err)
			}
			plain := strings.Join(strings.Fields(out.Text), " ")
			if !strings.Contains(plain, w[0]) || strings.Contains(plain, w[1]) || !strings.Contains(plain, "am.dupont@msp.example") {
				t.Errorf("%s, %q refused: subject %q\n%s", lang, what, out.Subject, out.Text)
			}
			checkMail(t, out, lang)
		}
	}
}
