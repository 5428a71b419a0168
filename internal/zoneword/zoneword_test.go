package zoneword

import (
	"testing"
	"time"
)

// The words and their offsets are those of RFC 5322, 4.3.
func TestNumeric(t *testing.T) {
	for date, want := range map[string]string{
		"Sun, 29 Nov 2026 22:00:00 EST":         "Sun, 29 Nov 2026 22:00:00 -0500",
		"Sun, 29 Nov 2026 22:00:00 pdt":         "Sun, 29 Nov 2026 22:00:00 -0700",
		"Sun, 29 Nov 2026 22:00:00 UT":          "Sun, 29 Nov 2026 22:00:00 +0000",
		"Sun, 29 Nov 2026 22:00:00 CET (Paris)": "Sun, 29 Nov 2026 22:00:00 +0100 (Paris)",
		"Sun, 29 Nov 2026 22:00:00 +0530 (IST)": "Sun, 29 Nov 2026 22:00:00 +0530 (IST)",
		"Sun, 29 Nov 2026 22:00:00":             "Sun, 29 Nov 2026 22:00:00",
		"2026-11-29T22:00:00Z":                  "2026-11-29T22:00:00Z",
	} {
		if got, ok := Numeric(date); !ok || got != want {
			t.Errorf("%s: %q, %t; want %q", date, got, ok, want)
		}
	}
	for _, date := range []string{"Sun, 29 Nov 2026 22:00:00 IST", "Sun, 29 Nov 2026 22:00:00 BST", "Sun, 29 Nov 2026 22:00:00 Q"} {
		if got, ok := Numeric(date); ok {
			t.Errorf("%s was read as %q", date, got)
		}
	}
}

func TestSettle(t *testing.T) {
	sydney, err := time.LoadLocation("Australia/Sydney")
	if err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]string{
		"29 Nov 2026 22:00 EST":   "2026-11-30T03:00:00Z",
		"29 Nov 2026 22:00 AEDT":  "2026-11-29T11:00:00Z", // used in the location
		"29 Nov 2026 22:00 GMT":   "2026-11-29T22:00:00Z",
		"29 Nov 2026 22:00 UTC":   "2026-11-29T22:00:00Z",
		"29 Nov 2026 22:00 GMT+3": "2026-11-29T19:00:00Z",
		"29 Nov 2026 22:00 BRT":   "",
	} {
		at, err := time.ParseInLocation("2 Jan 2006 15:04 MST", text, sydney)
		if err != nil {
			t.Fatal(err)
		}
		at, ok := Settle(at, sydney)
		if got := at.UTC().Format(time.RFC3339); ok != (want != "") || ok && got != want {
			t.Errorf("%s: %s, %t; want %q", text, got, ok, want)
		}
	}
}
