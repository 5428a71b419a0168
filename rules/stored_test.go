package rules_test

import (
	"encoding/json"
	"reflect"
	"testing"
	"time"

	"vigie/rules/incident"
	"vigie/rules/model"
)

// What the first builds stored of an episode's progress was texts only.
func TestProgressOfFirstBuilds(t *testing.T) {
	const stored = `{"subkind":"offline","previous_assignee":"","calls_missed":"xx","follow_up":"2025-03-20T09:00:00+01:00",` +
		`"silence_authors":"adm1 adm2","on_duty":"sup","refused_seen":"a@b.example c@d.example","other_answer":"ko",` +
		`"ending:f00":"2025-03-10T10:00:00.5Z"}`
	var p incident.Progress
	if err := json.Unmarshal([]byte(stored), &p); err != nil {
		t.Fatal(err)
	}
	if !p.FollowUp.Equal(time.Date(2025, 3, 20, 8, 0, 0, 0, time.UTC)) {
		t.Errorf("follow up %s", p.FollowUp)
	}
	p.FollowUp = time.Time{}
	want := incident.Progress{Subkind: "offline", CallsMissed: 2, SilenceAuthors: []string{"adm1", "adm2"}, OnDuty: []string{"sup"},
		RefusedSeen: []string{"a@b.example", "c@d.example"}, OtherAnswer: model.EvidenceKO,
		UnconfirmedEndings: map[string]time.Time{"f00": time.Date(2025, 3, 10, 10, 0, 0, 5e8, time.UTC)}}
	if !reflect.DeepEqual(p, want) {
		t.Errorf("got  %+v\nwant %+v", p, want)
	}
	text, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	var again incident.Progress
	if err := json.Unmarshal(text, &again); err != nil || !reflect.DeepEqual(again, want) {
		t.Errorf("written and read again: %+v: %v", again, err)
	}
	if err := json.Unmarshal([]byte(`{"calls_missed":""}`), &again); err != nil || again.CallsMissed != 0 {
		t.Errorf("no missed call: %+v: %v", again, err)
	}
	for _, bad := range []string{`{"ending:f":"yesterday"}`, `{"follow_up":"soon"}`, `[]`} {
		if err := json.Unmarshal([]byte(bad), &again); err == nil {
			t.Errorf("%s was read as %+v", bad, again)
		}
	}
}

// The key of a step's occurrence is read back whatever its names are made of.
func TestStepKeyStored(t *testing.T) {
	records := incident.StepRecords{}
	for _, k := range []incident.StepKey{
		{Episode: 1, Step: "told"}, {Episode: 12, Step: "a/b@c", Platform: "lms-A"}, {Episode: 1, Step: "x~1", Dropped: 1},
		{Episode: 2, Step: "x", Platform: "p/q", Occurrence: "act:1", Repeat: 3}, {Episode: 1, Step: "x", Occurrence: "late:lea@x.example"},
		{Episode: 1, Step: "daily", Occurrence: "2025-03-10", Dropped: 2}, {Episode: 1, Step: "again", Repeat: 2},
	} {
		occurrence := k.Occurrence
		if k.Repeat > 1 {
			occurrence += map[int]string{2: "#2", 3: "#3"}[k.Repeat]
		}
		records[k] = &incident.StepRecord{Step: k.Step, Episode: k.Episode, Occurrence: occurrence, Status: incident.StepSkipped}
	}
	text, err := json.Marshal(records)
	if err != nil {
		t.Fatal(err)
	}
	var read incident.StepRecords
	if err := json.Unmarshal(text, &read); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(read, records) {
		t.Errorf("got  %v\nwant %v", read, records)
	}
	for _, bad := range []string{`{"1/x":null}`, `{"2/x":{"step":"x","episode":1}}`, `{"1/x":{"step":"x","episode":1,"occurrence":"o"}}`} {
		if err := json.Unmarshal([]byte(bad), &read); err == nil {
			t.Errorf("%s was read as %v", bad, read)
		}
	}
}
