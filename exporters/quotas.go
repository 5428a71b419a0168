package exporters

// ownQuotas gives the amounts their customers' ids. A customer may have
// several tenants in a product: amounts of one item are added up, and one of
// them without a limit has none for all.
func (p *Poller) ownQuotas(quotas []Quota) []Quota {
	type key struct{ customer, item, unit string }
	at := make(map[key]int, len(quotas))
	out := make([]Quota, 0, len(quotas))
	for _, q := range quotas {
		q.Customer, q.Item = p.owner(q.Customer, q.CustomerKey, q.CustomerName), CleanName(q.Item)
		k := key{q.Customer, q.Item, q.Unit}
		i, known := at[k]
		if !known {
			at[k] = len(out)
			out = append(out, q)
			continue
		}
		sum := &out[i]
		sum.Used += q.Used
		if sum.Limit == nil || q.Limit == nil {
			sum.Limit = nil
			continue
		}
		limit := *sum.Limit + *q.Limit
		sum.Limit = &limit
	}
	return out
}

// ownLicenses gives the licences their customers' ids; of several of one item
// the one that ends first counts.
func (p *Poller) ownLicenses(licenses []License) []License {
	type key struct{ customer, item string }
	at := make(map[key]int, len(licenses))
	out := make([]License, 0, len(licenses))
	for _, l := range licenses {
		l.Customer, l.Item = p.owner(l.Customer, l.CustomerKey, l.CustomerName), CleanName(l.Item)
		k := key{l.Customer, l.Item}
		i, known := at[k]
		switch {
		case !known:
			at[k] = len(out)
			out = append(out, l)
		case !l.Expiry.IsZero() && (out[i].Expiry.IsZero() || l.Expiry.Before(out[i].Expiry)):
			out[i] = l
		}
	}
	return out
}

// owner gives the id of a customer, which the configuration may not name.
func (p *Poller) owner(id, key, name string) string {
	if key != "" {
		id = p.customers.id(key, name)
	}
	return CleanName(id)
}
