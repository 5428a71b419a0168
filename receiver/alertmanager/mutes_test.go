package alertmanager

import "testing"

// Whether some route is muted at some hours is read from the configuration itself, as
// /api/v2/status gives it back, in whatever way it is written.
func TestMutes(t *testing.T) {
	for _, c := range []struct {
		what, configuration string
		want                bool
	}{
		{"no hours at all", "route: {receiver: vigie}", false},
		{"the route of all", "route:\n  receiver: vigie\n  mute_time_intervals: [night]", true},
		{"only active at some hours", "route:\n  receiver: vigie\n  active_time_intervals:\n    - day", true},
		{"a number sign in quotes before it, on its line",
			`route: {receiver: vigie, routes: [{matchers: ['machine="SRV #1"'], mute_time_intervals: [night]}]}`, true},
		{"a number sign within a word", "route: {receiver: vigie#1, mute_time_intervals: [night]}", true},
		{"a route below a route", "route:\n  routes:\n    - routes:\n        - mute_time_intervals: [night]", true},
		{"by an alias", "x: &hours [night]\nroute: {receiver: vigie, mute_time_intervals: *hours}", true},
		{"quoted key", `route: {"mute_time_intervals": ["night"]}`, true},
		{"in a comment", "route:\n  receiver: vigie # mute_time_intervals: [night]", false},
		{"only in a matcher's text", `route: {routes: [{matchers: ['note="mute_time_intervals: x"']}]}`, false},
		{"an empty list", "route: {receiver: vigie, mute_time_intervals: []}", false},
		{"hours that no route uses", "route: {receiver: vigie}\ntime_intervals: [{name: night}]\nmute_time_intervals: [{name: old}]", false},
		{"unreadable", "route: [", true},
	} {
		if got := mutes(c.configuration); got != c.want {
			t.Errorf("%s: %v, want %v", c.what, got, c.want)
		}
	}
}
