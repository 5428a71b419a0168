package strict

import (
	"fmt"
	"reflect"
	"strconv"
	"time"

	"go.yaml.in/yaml/v3"
)

func (d *Decoder) scalar(n *yaml.Node, v reflect.Value, path string) {
	if n.Kind != yaml.ScalarNode {
		d.Fault(n, path, "expected one value, found %s", kindName(n))
		return
	}
	if isNull(n) {
		return
	}
	var err error
	switch v.Kind() {
	case reflect.String:
		v.SetString(n.Value)
	case reflect.Bool:
		var b bool
		if err = n.Decode(&b); err != nil {
			d.Fault(n, path, "%q is not true or false", n.Value)
			return
		}
		v.SetBool(b)
	case reflect.Int, reflect.Int64, reflect.Int32:
		i, err := strconv.ParseInt(n.Value, 10, v.Type().Bits())
		if err != nil {
			d.Fault(n, path, "%q is not a whole number", n.Value)
			return
		}
		v.SetInt(i)
	case reflect.Float64:
		f, err := strconv.ParseFloat(n.Value, 64)
		if err != nil || f != f {
			d.Fault(n, path, "%q is not a number", n.Value)
			return
		}
		v.SetFloat(f)
	case reflect.Interface:
		var x any
		if err = n.Decode(&x); err == nil {
			v.Set(reflect.ValueOf(x))
		}
	default:
		d.Fault(n, path, "cannot be read here (%s)", v.Type())
	}
}

func (d *Decoder) duration(n *yaml.Node, v reflect.Value, path string) {
	t, err := ParseDuration(n.Value)
	if err != nil || n.Kind != yaml.ScalarNode {
		d.Fault(n, path, "%s", orKind(err, n))
		return
	}
	v.SetInt(int64(t))
}

// ParseDuration reads an elapsed time such as 90s, 10m or 24h.
func ParseDuration(text string) (time.Duration, error) {
	t, err := time.ParseDuration(text)
	if err != nil {
		return 0, fmt.Errorf("%q is not an elapsed time: write it in h, m and s, like 90s, 10m or 24h (a day is 24h; working time has its own units)", text)
	}
	if t < 0 {
		return 0, fmt.Errorf("%q is negative: write an elapsed time of zero or more", text)
	}
	if t > maxElapsed {
		return 0, fmt.Errorf("%q is longer than a hundred years: write a shorter time", text)
	}
	return t, nil
}

func (d *Decoder) time(n *yaml.Node, v reflect.Value, path string) {
	t, err := ParseTime(n.Value)
	if err != nil || n.Kind != yaml.ScalarNode {
		d.Fault(n, path, "%s", orKind(err, n))
		return
	}
	v.Set(reflect.ValueOf(t))
}

// ParseTime reads an instant with its offset, or a date (its midnight in UTC).
func ParseTime(text string) (time.Time, error) {
	if t, err := time.Parse(time.RFC3339Nano, text); err == nil {
		return t, nil
	}
	if t, err := time.Parse(time.DateOnly, text); err == nil {
		return t, nil
	}
	return time.Time{}, fmt.Errorf("%q is not an instant: write it as 2026-03-09T07:10:00+01:00, or a date as 2026-03-09", text)
}
