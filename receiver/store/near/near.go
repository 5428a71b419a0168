// Package near says where among the rows of alerts an alert lies, so that those of
// one machine, which come together, lie together.
package near

import (
	"cmp"
	"hash/fnv"

	prommodel "github.com/prometheus/common/model"

	"vigie/rules/model"
)

// Nowhere is the place of an alert whose labels are not those that its fingerprint
// was computed of: the inventory gave the machine another name, or its row is older
// than places.
var Nowhere = []byte{}

// Of returns an alert's place, six bytes by its customer and machine. Whoever knows
// the labels as they were delivered finds it again, whatever has become of the
// inventory; from any others it cannot be told, and is [Nowhere].
func Of(fingerprint string, l model.Labels) []byte {
	if prommodel.Fingerprint(prommodel.LabelsToSignature(l)).String() != fingerprint {
		return Nowhere
	}
	p := short(make([]byte, 0, 6), l[model.LabelCustomer])
	return short(p, cmp.Or(l[model.LabelMachine], l[model.LabelPlatform], l[model.LabelHost]))
}

// short appends three bytes of a name's hash.
func short(p []byte, name string) []byte {
	h := fnv.New32a()
	h.Write([]byte(name))
	n := h.Sum32()
	return append(p, byte(n>>24), byte(n>>16), byte(n>>8))
}

// Rows selects the rows of an alert. Where labels do not tell its place, all that
// fires of its source is looked through.
func Rows(fingerprint string, l model.Labels) (where string, args []any) {
	at := Of(fingerprint, l)
	if len(at) == 0 {
		return `source = ? AND fingerprint = ?`, []any{l[model.LabelSource], fingerprint}
	}
	return `source = ? AND place IN (?, ?) AND fingerprint = ?`, []any{l[model.LabelSource], at, Nowhere, fingerprint}
}
