package exporters

import (
	"encoding/json"
	"slices"
	"testing"
)

func TestRowsTakeWhatTheyCan(t *testing.T) {
	type row struct {
		ID   Text   `json:"id"`
		N    Number `json:"n"`
		Name string `json:"name"`
		Deep struct {
			Words []string `json:"words"`
		} `json:"deep"`
	}
	for text, want := range map[string]struct {
		ids  []string
		odd  []string
		lost int
	}{
		`[{"id":1,"n":"2"},{"id":"b","n":null}]`:                         {ids: []string{"1", "b"}},
		`[{"id":"a","name":7},{"id":"b"}]`:                               {ids: []string{"a", "b"}, odd: []string{"name"}},
		`[{"id":"a","deep":[]},{"id":"b","deep":{"words":"x"}}]`:         {ids: []string{"a", "b"}, odd: []string{"deep", "deep.words"}},
		`[null,{"id":"a"},"x",{"id":"b"},5]`:                             {ids: []string{"a", "b"}, odd: []string{OddRow}, lost: 3},
		`[[{"id":"a"}],[{"id":"b"},{"id":"c"}]]`:                         {ids: []string{"a", "b", "c"}},
		`[{"id":"a"},[{"id":"b"},[]]]`:                                   {ids: []string{"a", "b"}},
		`[{"id":"a","n":"many","deep":null,"new":{"x":[1]}},{"id":"b"}]`: {ids: []string{"a", "b"}},
		`[]`: {},
	} {
		var r Rows[row]
		if err := json.Unmarshal([]byte(text), &r); err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		var ids []string
		for _, one := range r.Items {
			ids = append(ids, string(one.ID))
		}
		if !slices.Equal(ids, want.ids) || !slices.Equal(r.Odd, want.odd) || r.Lost != want.lost {
			t.Errorf("%s: %v, odd %v, lost %d", text, ids, r.Odd, r.Lost)
		}
	}
	var r Rows[row]
	if err := json.Unmarshal([]byte(`null`), &r); err != nil || !r.Null {
		t.Errorf("null: %v %v", r, err)
	}
	for _, text := range []string{`{}`, `"x"`, `7`} {
		if err := json.Unmarshal([]byte(text), &r); err != nil || !r.NoList() {
			t.Errorf("%s was taken for a list: %v", text, err)
		}
	}
}

func TestOdditiesCountOnce(t *testing.T) {
	var o Oddities
	for range 2 {
		o.Note("jobs", "name", OddRow)
		var s Snapshot
		o.Tell(&s)
		o.Note("jobs", "name")
		o.Tell(&s)
		if len(s.UnknownValues) == 2 {
			continue
		}
		if len(s.UnknownValues) != 0 {
			t.Error(s.UnknownValues)
		}
	}
}
