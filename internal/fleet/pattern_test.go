package fleet

import "testing"

func TestPatterns(t *testing.T) {
	var p Patterns[string]
	for _, a := range [][2]string{{"restic-dupont:backup-*", "SRV-APP"}, {"Web-*", "SRV-WEB"}, {"web-1*", "SRV-WEB"}, {"*-db-*", "SRV-DB"}, {"plain", "none"}, {"a[b]-*", "SRV-ODD"}, {"pc-0?", "PC"}, {"restic-dupont:????????", "POD"}, {"NAS Lyc?e", "NAS"}} {
		p.Add("dupont", a[0], a[1])
	}
	for _, c := range []struct {
		customer, name, want string
	}{
		{"dupont", "restic-dupont:backup-7f3a", "SRV-APP"},
		{"dupont", "backup-7f3a", ""},
		{"dupont", "WEB-12/data", "SRV-WEB"},
		{"dupont", "web-db-1", ""}, // two machines
		{"dupont", "plain", ""},
		{"dupont", "a[b]-1", "SRV-ODD"},
		{"dupont", "ab-1", ""},
		{"martin", "web-12", ""},
		{"dupont", "PC-07", "PC"},
		{"dupont", "pc-071", ""},
		{"dupont", "pc-0", ""},
		{"dupont", "pc-0/", "PC"},
		{"dupont", "restic-dupont:7f3a99c1", "POD"},
		{"dupont", "restic-dupont:été-2026", "POD"}, // characters, not bytes
		{"dupont", "NAS Lycée", "NAS"},
		{"dupont", "NAS Lyc?e", "NAS"},
	} {
		if got, _ := p.Find(c.customer, c.name); got != c.want {
			t.Errorf("%s %s: %q, want %q", c.customer, c.name, got, c.want)
		}
	}
	for alias, good := range map[string]bool{"*": false, "**": false, "restic-dupont:*": true, "backup-*": true, "*-x": true, "re*:x": false, "??": false, "?*": false, "restic-dupont:??": true, "pc-0?": true, "re?:x": false} {
		if what, cure := CheckPattern(alias); (what == "") != good || (what == "") != (cure == "") {
			t.Errorf("%s: %q; %q", alias, what, cure)
		}
	}
}
