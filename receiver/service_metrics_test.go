package receiver_test

import (
	"strings"
	"testing"
	"time"
)

// The clocks of open incidents, their age and the level of service are told to
// Prometheus, and no metric names a person.
func TestTheReceiverTellsDeadlinesAndGuarantees(t *testing.T) {
	r := newRig(t, 0, func(r *rig) {
		r.edits = []string{"roles:\n", "guarantees:\n  - {level: G1, calendar: mornings, text: {en: guaranteed}}\n  - {level: G2, text: {en: none}}\nroles:\n",
			"calendars:\n", "calendars:\n  mornings:\n    timezone: Europe/Paris\n    weekly_windows:\n      monday: [[\"08:00\", \"12:00\"]]\n"}
	})
	want := func(when string, values map[string]float64) {
		t.Helper()
		for m, v := range values {
			if got := r.metric(m); got != v {
				t.Errorf("%s: %s is %.0f, want %.0f", when, m, got, v)
			}
		}
	}
	const clock = `{clock="four_hours",scenario="server"}`
	due := float64(monday.Add(4 * time.Hour).Unix())
	want("before", map[string]float64{"vigie_targets_running" + clock: -1, `vigie_guarantee_level{level="G1",policy="test"}`: 0,
		`vigie_guarantee_level{level="G2",policy="test"}`: 1, `vigie_guarantee_window_open{policy="test"}`: 0})
	a, b := backup("dupont", "SRV-AD", "primary"), backup("dupont", "SRV-TSE", "primary")
	r.fires(a)
	r.pass(time.Hour)
	r.fires(b)
	r.pass(time.Minute)
	want("open", map[string]float64{"vigie_targets_running" + clock: 2, "vigie_targets_overdue" + clock: 0, "vigie_target_next_due_timestamp_seconds" + clock: due,
		`vigie_incidents_oldest_opened_timestamp_seconds{scenario="server",state="open"}`: float64(monday.Unix()),
		`vigie_guarantee_level{level="G1",policy="test"}`:                                 1, `vigie_guarantee_level{level="G2",policy="test"}`: 0, `vigie_guarantee_window_open{policy="test"}`: 1})
	r.pass(2*time.Hour + 59*time.Minute)
	want("at the bound", map[string]float64{"vigie_targets_overdue" + clock: 0})
	r.pass(time.Second)
	want("past it", map[string]float64{"vigie_targets_running" + clock: 2, "vigie_targets_overdue" + clock: 1, "vigie_target_next_due_timestamp_seconds" + clock: due + 3600})
	id := r.the("machine=SRV-AD").ID
	r.act(200, adm1Token, id, "escalate", map[string]string{"reason": "disk"})
	r.act(200, adm1Token, id, "take", nil)
	r.pass(time.Minute)
	want("handled", map[string]float64{"vigie_targets_running" + clock: 1, "vigie_targets_overdue" + clock: 0})
	_, text := r.request("GET", "/metrics", "", nil)
	for _, person := range []string{"adm1", "sup@", "vijay"} {
		if strings.Contains(text, person) {
			t.Errorf("a metric names %s", person)
		}
	}
}
