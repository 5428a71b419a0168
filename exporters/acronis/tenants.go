package acronis

import (
	"strings"

	"vigie/exporters"
)

// customer is whose a tenant is.
type customer struct {
	id   string // from the configuration, empty if it does not name the customer
	key  string // the product's id
	name string
	// enabled is false for a customer or unit that was switched off.
	enabled bool
}

// directory finds the customer of a tenant, however a service names it: the
// account service knows UUIDs, the others numbers, and tasks and alerts both.
type directory struct {
	byUUID  map[string]*tenant
	numeric map[string]tenantRef
	byName  map[string]string // name -> UUID, "" if the name is not unique
	config  map[string]string // lower-cased tenant id -> customer
	taken   map[string]bool   // the ids that the configuration gives
}

func newDirectory(tenants []tenant, numeric map[string]tenantRef, configured map[string]string) *directory {
	d := &directory{
		byUUID:  make(map[string]*tenant, len(tenants)),
		numeric: numeric,
		byName:  make(map[string]string, len(tenants)),
		config:  make(map[string]string, len(configured)),
		taken:   make(map[string]bool, len(configured)),
	}
	for i := range tenants {
		t := &tenants[i]
		d.byUUID[t.ID.Lower()] = t
		if t.Name == "" {
			continue // names nobody
		}
		if _, twice := d.byName[t.Name]; twice {
			d.byName[t.Name] = ""
		} else {
			d.byName[t.Name] = t.ID.Lower()
		}
	}
	for id, customer := range configured {
		d.config[strings.ToLower(id)], d.taken[customer] = customer, true
	}
	return d
}

// customer finds whose a tenant is. One that the configuration does not name
// never gets the id of one that it names, however much they are called alike.
func (d *directory) customer(id string) customer {
	c := d.find(id)
	if slug := exporters.Slug(c.name); c.id == "" && d.taken[slug] {
		c.id = slug + "-" + exporters.Slug(c.key)
	}
	return c
}

// find finds whose a tenant is: the nearest tenant upwards that the
// configuration names, otherwise the one that the product calls a customer.
func (d *directory) find(id string) customer {
	id = strings.ToLower(id)
	ref := d.numeric[id]
	uuid := id
	if u := ref.UUID.Lower(); u != "" {
		uuid = u
	} else if u := d.byName[ref.Name]; u != "" {
		uuid = u
	}
	if c, ok := d.config[id]; ok {
		return d.named(c, uuid, ref)
	}
	if d.byUUID[uuid] != nil {
		return d.climb(uuid)
	}
	// Outside the tree: a self-service customer, or a number nobody explained.
	for _, step := range locatorUpwards(ref.Locator) {
		if c, ok := d.config[step]; ok {
			return d.named(c, uuid, ref)
		}
		up := d.numeric[step].UUID.Lower()
		if c, ok := d.config[up]; ok && up != "" {
			return d.named(c, uuid, ref)
		}
		if d.byUUID[up] != nil {
			return d.climb(up)
		}
	}
	if c, ok := d.config[uuid]; ok {
		return d.named(c, uuid, ref)
	}
	name := ref.Name
	if name == "" {
		name = "tenant " + id
	}
	return customer{key: uuid, name: name, enabled: true}
}

// climb walks from a tenant of the tree to its customer.
func (d *directory) climb(uuid string) customer {
	start := d.byUUID[uuid]
	found := customer{key: uuid, name: start.Name, enabled: true}
	settled := false
	t := start
	for depth := 0; t != nil && depth < 64; depth++ {
		if t.Enabled.Off() {
			found.enabled = false
		}
		if c, ok := d.config[t.ID.Lower()]; ok {
			found.id, found.key, found.name = c, t.ID.Lower(), t.Name
			return found
		}
		if strings.EqualFold(t.Kind, "customer") && !settled {
			found.key, found.name, settled = t.ID.Lower(), t.Name, true
		}
		t = d.byUUID[t.ParentID.Lower()]
	}
	return found
}

func (d *directory) named(id, uuid string, ref tenantRef) customer {
	c := customer{id: id, key: uuid, name: ref.Name, enabled: true}
	if t := d.byUUID[uuid]; t != nil {
		c = d.climb(uuid)
		c.id = id
	}
	if c.name == "" {
		c.name = id
	}
	return c
}

// locatorUpwards gives the numeric ids of "/1/66/67/" from the last to the first.
func locatorUpwards(locator string) []string {
	steps := strings.FieldsFunc(strings.ToLower(locator), func(r rune) bool { return r == '/' })
	for i, j := 0, len(steps)-1; i < j; i, j = i+1, j-1 {
		steps[i], steps[j] = steps[j], steps[i]
	}
	return steps
}
