package about

import (
	"errors"
	"slices"

	"vigie/rules/incident"
	"vigie/rules/inventory"
)

// Said is why something was not done, for a program and whoever reads what it prints:
// people by their names, with the ids that requests know them by.
func Said(err error, dir *inventory.Directory) string {
	refused, is := errors.AsType[*incident.Refusal](err)
	if !is {
		return err.Error()
	}
	said := refused.Phrase
	said.Parts = slices.Clone(said.Parts)
	for i := 0; i+1 < len(said.Parts); i += 2 {
		id := said.Parts[i+1]
		if name := dir.PersonName(id); said.Parts[i] == "who" && name != id {
			said.Parts[i+1] = name + " (" + id + ")"
		}
	}
	return said.String()
}
