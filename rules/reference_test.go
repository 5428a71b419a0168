package rules_test

import (
	"reflect"
	"testing"

	"vigie/docs/reference"
	"vigie/docs/reference/referencetest"
	"vigie/internal/strict"
	"vigie/rules"
	"vigie/rules/inventory"
	"vigie/rules/policy"
)

// TestReferenceOfPolicies holds the reference of a policy against what is read:
// each key stands there with words, and a key that is left out means what its line
// says.
func TestReferenceOfPolicies(t *testing.T) {
	holdReference(t, "policy", policy.Keys(), func(text []byte) (any, error) {
		ps, err := rules.LoadPolicies([]strict.File{{Name: "policy.yml", Text: text}})
		if err != nil {
			return nil, err
		}
		ps[0].Hash, ps[0].Source = "", nil
		return ps[0], nil
	})
}

// TestReferenceOfInventory is the same of the inventory.
func TestReferenceOfInventory(t *testing.T) {
	holdReference(t, "inventory", inventory.Keys(), func(text []byte) (any, error) {
		return inventory.Load([]strict.File{{Name: "inventory.yml", Text: text}})
	})
}

func holdReference(t *testing.T, name string, known []string, read func([]byte) (any, error)) {
	t.Helper()
	text := reference.File(name)
	gaps, err := referencetest.Gaps(text, known)
	if err != nil {
		t.Fatal(err)
	}
	for _, g := range gaps {
		t.Error(g)
	}
	whole, err := read(text)
	if err != nil {
		t.Fatal(err)
	}
	keys, err := referencetest.Keys(text)
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range keys {
		v, err := read(referencetest.Without(text, k.Line))
		switch {
		case k.Standing == referencetest.Default && (err != nil || !reflect.DeepEqual(v, whole)):
			t.Errorf("line %d: without %s: %s something else holds (%v)", k.Line, k.Path, k.Value, err)
		case k.Standing == referencetest.Required && err == nil:
			t.Errorf("line %d: %s is called required, and nothing is missed without it", k.Line, k.Path)
		}
	}
}
