package inventory_test

import (
	"testing"
	"time"

	"vigie/rules/inventory"
	"vigie/rules/model"
)

// covers: P10; a platform is served no longer than its customer: an alert of a platform names
// the platform alone, and what a customer is owed is over with the customer's last day.
func TestAPlatformLeavesWithItsCustomer(t *testing.T) {
	first, last := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC), time.Date(2026, 7, 1, 0, 0, 0, 0, time.UTC)
	d := &inventory.Directory{}
	d.Customers = map[string]*inventory.Customer{"lms-a": {ID: "lms-a", Commissioned: first, Decommissioned: last}}
	d.Platforms = map[string]*inventory.Platform{"lms-A": {ID: "lms-A", Customer: "lms-a"}, "lms-B": {ID: "lms-B"}}
	d.Reindex()
	of := func(platform string) model.Labels { return model.Labels{model.LabelPlatform: platform} }
	if at, ends := d.OutOfService(of("lms-A")); !ends || !at.Equal(last) || !d.Decommissioned(of("lms-A"), last) {
		t.Errorf("out of service from %s (%v)", at, ends)
	}
	if at, ahead := d.OwedFrom(of("lms-A"), first.Add(-time.Hour)); !ahead || !at.Equal(first) {
		t.Errorf("owed from %s (%v)", at, ahead)
	}
	if from, until := d.Served("lms-A", first.AddDate(0, -1, 0), last.AddDate(0, 1, 0)); !from.Equal(first) || !until.Equal(last) {
		t.Errorf("served from %s to %s", from, until)
	}
	if _, ends := d.OutOfService(of("lms-B")); ends {
		t.Error("another platform leaves with it")
	}
}
