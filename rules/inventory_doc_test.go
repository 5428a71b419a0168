package rules

import (
	"os"
	"regexp"
	"strings"
	"testing"
	"vigie/internal/strict"
	"vigie/rules/book"
	"vigie/rules/inventory"
)

// The examples of the page on the inventory are one inventory without fault,
// and no section is left out.
func TestInventoryPage(t *testing.T) {
	page, err := os.ReadFile("../docs/inventory.md")
	if err != nil {
		t.Fatal(err)
	}
	var yaml, csv strings.Builder
	for _, m := range regexp.MustCompile("(?s)```(yaml|csv)\n(.*?)```").FindAllStringSubmatch(string(page), -1) {
		switch {
		case m[1] == "csv":
			csv.WriteString(m[2])
		case !strings.HasPrefix(m[2], "inventory:"):
			yaml.WriteString(m[2])
		}
	}
	d, err := inventory.Load([]strict.File{{Name: "page.yml", Text: []byte(yaml.String())}, {Name: "page.csv", Text: []byte(csv.String())}})
	if err != nil {
		t.Fatal(err)
	}
	if err := book.CheckClosures(d, icalPolicies(t)); err != nil {
		t.Error(err)
	}
	for section, n := range map[string]int{
		"people": len(d.People), "customers": len(d.Customers), "machines": len(d.Machines), "platforms": len(d.Platforms),
		"rota": len(d.Rotas), "absences": len(d.Absences), "maintenance": len(d.Maintenance), "closures": len(d.Closures),
	} {
		if n == 0 || !strings.Contains(string(page), "\n## "+section+"\n") {
			t.Errorf("the page has no example of %s", section)
		}
	}
	if len(d.Machines) != 3 {
		t.Errorf("%d machines, of which the CSV file has one", len(d.Machines))
	}
}
