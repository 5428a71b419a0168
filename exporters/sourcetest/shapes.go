package sourcetest

import (
	"bytes"
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
)

// Shape is a way in which services write the same JSON otherwise than they tell.
type Shape struct {
	Name string
	// Turn gives what stands in place of a value; objects and lists come after
	// what is in them.
	Turn func(v any) any
}

// Shapes are those that must not change what a source reads.
func Shapes() []Shape {
	return []Shape{
		{"numbers as texts", func(v any) any {
			if n, ok := v.(json.Number); ok {
				return n.String()
			}
			return v
		}},
		{"whole numbers with a fraction", func(v any) any {
			if n, ok := v.(json.Number); ok && !strings.ContainsAny(n.String(), ".eE") {
				return json.Number(n.String() + ".0")
			}
			return v
		}},
		{"yes and no as texts", func(v any) any {
			if yes, ok := v.(bool); ok {
				return map[bool]string{true: "true", false: "False"}[yes]
			}
			return v
		}},
		{"yes and no as numbers", func(v any) any {
			if yes, ok := v.(bool); ok {
				return json.Number(map[bool]string{true: "1", false: "0"}[yes])
			}
			return v
		}},
		{"null for an empty text", func(v any) any {
			if v == "" {
				return nil
			}
			return v
		}},
		{"nothing for null", func(v any) any {
			if m, ok := v.(map[string]any); ok {
				for key, inner := range m {
					if inner == nil {
						delete(m, key)
					}
				}
			}
			return v
		}},
		{"further fields", func(v any) any {
			if m, ok := v.(map[string]any); ok {
				m["furtherField"] = map[string]any{"nested": []any{json.Number("1"), nil, "x"}}
			}
			return v
		}},
	}
}

// Reshape lets a product answer in another shape. Answers that are no JSON stay as
// they are.
func Reshape(product http.Handler, turn func(any) any) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		plain := httptest.NewRecorder()
		product.ServeHTTP(plain, r)
		body := plain.Body.Bytes()
		d := json.NewDecoder(bytes.NewReader(body))
		d.UseNumber()
		var v any
		if d.Decode(&v) == nil {
			body, _ = json.Marshal(turned(v, turn))
		}
		maps.Copy(w.Header(), plain.Header())
		w.Header().Del("Content-Length")
		w.WriteHeader(plain.Code)
		_, _ = w.Write(body)
	})
}

func turned(v any, turn func(any) any) any {
	switch v := v.(type) {
	case map[string]any:
		for key, inner := range v {
			v[key] = turned(inner, turn)
		}
	case []any:
		for i := range v {
			v[i] = turned(v[i], turn)
		}
	}
	return turn(v)
}

// EachShape reads a source in each shape, by jobs and whatever is beside them, and wants
// what the plain one says.
func EachShape(t *testing.T, read func(turn func(any) any) (jobs, rest any)) {
	t.Helper()
	jobs, rest := read(nil)
	if reflect.ValueOf(jobs).Len() == 0 {
		t.Error("there is no job")
	}
	for _, s := range Shapes() {
		t.Run(s.Name, func(t *testing.T) {
			if got, gotRest := read(s.Turn); !reflect.DeepEqual(got, jobs) || !reflect.DeepEqual(gotRest, rest) {
				t.Errorf("%+v\nwant %+v\n%+v\nwant %+v", got, jobs, gotRest, rest)
			}
		})
	}
}

// AddRow puts a row behind the last of a list that has any, and counts it in the total
// where there is one.
func AddRow(holder map[string]any, list string, totals map[string]any, row func(last any) any) {
	rows, _ := holder[list].([]any)
	if len(rows) == 0 {
		return
	}
	holder[list] = append(rows, row(rows[len(rows)-1]))
	if n, ok := totals["total"].(json.Number); ok {
		total, _ := n.Int64()
		totals["total"] = total + 1
	}
}
