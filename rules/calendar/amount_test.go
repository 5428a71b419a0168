package calendar_test

import (
	"encoding/json"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"vigie/rules/calendar"
)

func TestParseAmount(t *testing.T) {
	for text, want := range map[string]string{
		"0": "0", "-0": "0", "0.000": "0", "2": "2", "1e0": "1", "1.50": "1.5", "25e-1": "2.5", "1E+3": "1000", "-4": "-4",
		"0.1": "0.1", "0.000000000000000001": "0.000000000000000001", "999999999999999999": "999999999999999999", "0e400": "",
		"1e18": "", "1e-19": "", "1e999999999": "", "1e-999999999": "", "1e99999999999999999999": "",
		"": "", " 1": "", "+1": "", "01": "", ".5": "", "1.": "", "1/2": "", "0x10": "", "1_000": "", "NaN": "", "Inf": "", "1,5": "",
		strings.Repeat("1", 65): "",
	} {
		got, err := calendar.ParseAmount(text)
		if (err != nil) != (want == "") || got.String() != want {
			t.Errorf("%q: got %q, %v, want %q", text, got, err, want)
		}
	}
	a, _ := calendar.ParseAmount("1.50")
	b, _ := calendar.ParseAmount("15e-1")
	if a != b {
		t.Error("equal amounts differ")
	}
}

func TestAmountTravelsExactly(t *testing.T) {
	for _, written := range []string{`0.1`, `"0.1"`, `1e-1`, `0.30000000000000004`, `123456789012345678`} {
		var fromJSON, fromYAML calendar.Duration
		if err := json.Unmarshal([]byte(`{"amount": `+written+`, "unit": "business_hours"}`), &fromJSON); err != nil {
			t.Fatal(err)
		}
		if err := yaml.Unmarshal([]byte(`{amount: `+written+`, unit: business_hours}`), &fromYAML); err != nil {
			t.Fatal(err)
		}
		if want, _ := calendar.ParseAmount(strings.Trim(written, `"`)); fromJSON.Amount != want || fromYAML.Amount != want {
			t.Errorf("%s: JSON gives %s, YAML %s", written, fromJSON.Amount, fromYAML.Amount)
		}
		var back calendar.Duration
		asJSON, err := json.Marshal(fromJSON)
		if err != nil || json.Unmarshal(asJSON, &back) != nil || back != fromJSON {
			t.Errorf("%s came back from JSON as %s, %v", fromJSON, back, err)
		}
		asYAML, err := yaml.Marshal(fromJSON)
		if err != nil || yaml.Unmarshal(asYAML, &back) != nil || back != fromJSON {
			t.Errorf("%s came back from YAML as %s, %v", fromJSON, back, err)
		}
	}
}

func TestHolidays(t *testing.T) {
	const france = "01-01 04-06 05-01 05-08 05-14 05-25 07-14 08-15 11-01 11-11 12-25"
	for _, tc := range []struct {
		rule string
		year int
		want string
	}{
		{calendar.France, 2026, france},
		{calendar.France, 2027, "01-01 03-29 05-01 05-06 05-08 05-17 07-14 08-15 11-01 11-11 12-25"},
		{calendar.France, 2028, "01-01 04-17 05-01 05-08 05-25 06-05 07-14 08-15 11-01 11-11 12-25"},
		{calendar.France, 2008, "01-01 03-24 05-01 05-08 05-12 07-14 08-15 11-01 11-11 12-25"}, // Ascension on 1 May
		{calendar.FranceAlsaceMoselle, 2026, strings.Replace(france, "04-06", "04-03 04-06", 1) + " 12-26"},
		{calendar.FranceAlsaceMoselle, 2028, "01-01 04-14 04-17 05-01 05-08 05-25 06-05 07-14 08-15 11-01 11-11 12-25 12-26"},
		{calendar.NoHolidays, 2026, ""},
	} {
		var got []string
		for _, date := range calendar.Holidays(tc.rule, tc.year) {
			got = append(got, date.String()[len("2026-"):])
		}
		if strings.Join(got, " ") != tc.want {
			t.Errorf("%s %d: got %s, want %s", tc.rule, tc.year, got, tc.want)
		}
	}
}
