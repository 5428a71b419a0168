package inventory

import "cmp"

// PersonName, CustomerName and PlatformName are how somebody or something is called:
// by the id where the inventory has no name.
func (d *Directory) PersonName(id string) string {
	if p := d.Person(id); p != nil {
		return cmp.Or(p.Name, id)
	}
	return id
}

// CustomerName is described at [Directory.PersonName].
func (d *Directory) CustomerName(id string) string {
	if c := d.Customers[id]; c != nil {
		return cmp.Or(c.Name, id)
	}
	return id
}

// PlatformName is described at [Directory.PersonName].
func (d *Directory) PlatformName(id string) string {
	if p := d.Platforms[id]; p != nil {
		return cmp.Or(p.Name, id)
	}
	return id
}
