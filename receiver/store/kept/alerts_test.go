package kept

import (
	"math"
	"reflect"
	"testing"
	"time"

	v1 "github.com/go-json-experiment/json/v1"

	"vigie/rules/incident"
	"vigie/rules/model"
)

// Alerts are written by hand as reflection writes them, with every field that there is.
func TestAlertsAreWrittenAsByReflection(t *testing.T) {
	at := time.Date(2026, 3, 9, 7, 10, 0, 123456789, time.UTC)
	strange := "é \\ \" <b>&\u2028\x00\xff 😀"
	full := &incident.Alert{}
	v := reflect.ValueOf(full).Elem()
	for n := range v.NumField() {
		switch f := v.Field(n); f.Interface().(type) {
		case model.Labels, map[string]string:
			f.Set(reflect.ValueOf(map[string]string{"b": strange, "a": "x", strange: "", "Z": "z"}).Convert(f.Type()))
		case time.Time:
			f.Set(reflect.ValueOf(at.Add(time.Duration(n) * time.Hour)))
		case bool:
			f.SetBool(true)
		case int:
			f.SetInt(int64(n) - 100)
		case float64:
			f.SetFloat(1.5e21)
		case string:
			f.SetString(strange)
		default:
			t.Fatalf("write field %s of an alert by hand, and here", v.Type().Field(n).Name)
		}
	}
	zone := &incident.Alert{Labels: model.Labels{}, Annotations: map[string]string{}, StartsAt: at.In(time.FixedZone("", 3600)), LastSeen: time.Unix(0, 0).UTC(), SizeBytes: 12}
	for name, alerts := range map[string]map[string]*incident.Alert{
		"none": nil, "empty": {}, "one": {"f": full}, "several": {strange: full, "b": zone, "a": {}, "c": nil},
	} {
		inc := &incident.Incident{ID: "i1", Alerts: alerts, Cause: strange}
		want, err := v1.Marshal(inc)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := Encode(inc); err != nil || string(got) != string(want) {
			t.Errorf("%s: %v\n%s\nby reflection\n%s", name, err, got, want)
		}
	}
	for name, a := range map[string]*incident.Alert{"a year of five digits": {StartsAt: at.AddDate(9000, 0, 0)}, "no number": {SizeBytes: math.NaN()}} {
		inc := &incident.Incident{ID: "i1", Alerts: map[string]*incident.Alert{"f": a}}
		if _, err := v1.Marshal(inc); err == nil {
			t.Fatalf("%s: reflection writes it", name)
		}
		if got, err := Encode(inc); err == nil {
			t.Errorf("%s was written: %s", name, got)
		}
	}
}

func BenchmarkEncode(b *testing.B) {
	inc := &incident.Incident{ID: "i1", Alerts: map[string]*incident.Alert{}}
	for _, f := range []string{"01", "02", "03", "04", "05", "06", "07", "08", "09", "10"} {
		inc.Alerts[f] = &incident.Alert{Firing: true, StartsAt: time.Unix(1e9, 0), LastSeen: time.Unix(1e9, 0), Runs: 1,
			Labels:      model.Labels{"alertname": "BackupJobFailed", "customer": "dupont", "machine": "SRV-01", "machine_class": "server", "backup_role": "primary", "engine": "veeam", "plan": "plan-" + f, "source": "veeam", "job_id": "job/" + f},
			Annotations: map[string]string{"summary": "the backup of SRV-01 has failed", "description": "it ended with an error", "last_run": "1000000000", "runbook_url": "https://runbooks.example/backup"}}
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Encode(inc); err != nil {
			b.Fatal(err)
		}
	}
}
