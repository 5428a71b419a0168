package message

import (
	"fmt"
	"reflect"
	"time"

	"vigie/rules/incident"
	"vigie/rules/model"
)

// try renders a template with nothing known, with everything known, alone and
// as a bundle, for people inside and outside, so that the branches of an
// admin's template fail when it is loaded and not when it is needed.
func (r *Renderer) try(id, lang string) error {
	blank := incident.Notification{}
	full := incident.Notification{}
	fill(reflect.ValueOf(&full).Elem())
	full.Data.Platform, full.Data.Platforms = "", nil
	full.To, full.Cc = []incident.Party{{Name: "word", Address: "word"}}, nil
	outside := full
	outside.To = []incident.Party{{Outside: true}}
	platform := full
	platform.Data.Platform = "platform"
	late := full
	late.Data.State, late.Data.Percent, late.Data.Level = model.CallDue, 100, 3
	late.Data.Other.State = model.EvidenceOK
	for n, sample := range []incident.Notification{blank, full, outside, platform, late} {
		sample.Template, sample.Language = id, lang
		for _, ns := range [][]incident.Notification{{sample}, {sample, sample}} {
			if _, err := r.Render(ns); err != nil {
				return fmt.Errorf("trial %d of template %s/%s: %w", n+1, lang, id, err)
			}
		}
	}
	return nil
}

// fill gives every field a value.
func fill(v reflect.Value) {
	switch v.Kind() {
	case reflect.String:
		v.SetString("word")
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int:
		v.SetInt(3)
	case reflect.Float64:
		v.SetFloat(1e9)
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[time.Time]() {
			v.Set(reflect.ValueOf(time.Date(2025, 3, 10, 7, 10, 0, 0, time.UTC)))
			return
		}
		for _, field := range v.Fields() {
			fill(field)
		}
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		fill(v.Index(0))
	case reflect.Map:
		v.Set(reflect.ValueOf(map[string]string{"outcome": "reached", "note": "word"}))
	}
}
