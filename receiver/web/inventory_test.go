package web_test

import (
	"net/http"
	"strings"
	"testing"

	"vigie/internal/fleet"
	"vigie/receiver"
	"vigie/receiver/web"
)

// Exporters fetch the inventory with a token of their own; it opens nothing else,
// and no other token opens it.
func TestInventoryForExporters(t *testing.T) {
	d := newDesk(t, "synomega", "", func(_ *receiver.Config, _ *receiver.Reloadable, o *web.Options) {
		o.Exporter = func(token string) bool { return token == "exporter" }
		o.Shared = func() fleet.Shared {
			return fleet.Shared{Version: "v1", Files: []fleet.SharedFile{{Name: "machines.csv", Text: "customer,machine,class\n"}}}
		}
	})
	if code, text := d.api("exporter", "/api/v1/inventory"); code != http.StatusOK || !strings.Contains(text, `"version":"v1"`) {
		t.Errorf("the exporter's token: %d %s", code, text)
	}
	for _, token := range []string{"", "token-of-sup"} {
		if code, _ := d.api(token, "/api/v1/inventory"); code != http.StatusUnauthorized {
			t.Errorf("the token %q: %d", token, code)
		}
	}
	if code, _ := d.api("exporter", "/api/v1/incidents"); code != http.StatusUnauthorized {
		t.Errorf("the exporter's token reads incidents: %d", code)
	}
}
