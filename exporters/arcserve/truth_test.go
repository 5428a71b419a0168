package arcserve

import (
	"strings"
	"testing"
)

// A plan that the configuration does not name never becomes the customer that
// it names, though the plan is called like it.
func TestNamesakeOfAConfiguredCustomer(t *testing.T) {
	b := newDBBench(t, func(c *Config) {
		c.Customer, c.CustomerName = "", ""
		c.Customers = map[string]string{daily: "machines-virtuelles-ete"}
	})
	b.ran(1, 0, 1, daily)
	b.ran(3, 3, 1, virtual)
	b.Refresh()
	if j := b.Job("SRV-COMPTABILITÉ"); j.Customer != "machines-virtuelles-ete" {
		t.Errorf("customer %q", j.Customer)
	}
	if j := b.Job("VM Messagerie"); j.Customer != "machines-virtuelles-ete-"+strings.ToLower(virtual) {
		t.Errorf("the namesake is customer %q", j.Customer)
	}
}
