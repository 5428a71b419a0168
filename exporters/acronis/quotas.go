package acronis

import (
	"math"
	"strconv"
	"strings"

	"vigie/exporters"
)

// quotas adds what customers use of what they may, and the ends of trials.
// The poller adds up what several tenants or storages of a customer say of one item.
func (b *builder) quotas() {
	for i := range b.usages {
		u := &b.usages[i]
		if strings.EqualFold(u.Type, "feature") || strings.EqualFold(u.Unit, "n/a") || u.Name == "" {
			continue // switched on or off, not counted
		}
		used, ok := amount(u.Value)
		if !ok {
			b.unknown("usage_value", string(u.TenantUUID+u.TenantID)+u.Name)
			continue
		}
		q := exporters.Quota{Item: u.Name, Unit: strings.ToLower(u.Unit), Used: used}
		offered := u.OfferingItem == nil || !u.OfferingItem.Status.Told || u.OfferingItem.Status.Value != 0
		if !offered && used == 0 {
			continue
		}
		if o := u.OfferingItem; o != nil && offered && o.Quota.Value != "" {
			limit, ok := amount(o.Quota.Value)
			if !ok {
				b.unknown("quota_value", string(u.TenantUUID+u.TenantID)+u.Name)
				continue
			}
			if limit >= 0 {
				q.Limit = &limit
			}
		}
		owner := b.dir.customer(firstOf(u.TenantUUID, u.Tenant, u.TenantID))
		q.Customer, q.CustomerName = owner.id, owner.name
		if owner.id == "" {
			q.CustomerKey = owner.key
		}
		b.out.Quotas = append(b.out.Quotas, q)
	}
	for i := range b.trials {
		t := &b.trials[i]
		if t.End.Bad {
			b.unknown("trial_end", t.tenant)
		}
		if !strings.EqualFold(t.Mode, "trial") || t.End.IsZero() {
			continue
		}
		owner := b.dir.customer(t.tenant)
		l := exporters.License{Customer: owner.id, CustomerName: owner.name, Item: "trial", Expiry: t.End.Time}
		if owner.id == "" {
			l.CustomerKey = owner.key
		}
		b.out.Licenses = append(b.out.Licenses, l)
	}
}

func amount(t exporters.Text) (float64, bool) {
	v, err := strconv.ParseFloat(strings.TrimSpace(string(t)), 64)
	return v, err == nil && !math.IsNaN(v) && !math.IsInf(v, 0)
}

func firstOf(texts ...exporters.Text) string {
	for _, t := range texts {
		if t != "" {
			return t.Lower()
		}
	}
	return ""
}
