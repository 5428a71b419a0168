package fleet

import "testing"

// Sizes and answers as people and spreadsheets of both languages write them.
func TestTermsInBothLanguages(t *testing.T) {
	for text, want := range map[string]Size{"20GB": 20e9, "500 MiB": 500 << 20, "500 Mo": 500e6, "1,5 To": 1.5e12, "1.5TB": 1.5e12, "3 Kio": 3 << 10, "7 octets": 0, "1,000 MB": 0, "1,5,2 Go": 0, "Go": 0} {
		var s Size
		if err := s.UnmarshalScalar(text); (err == nil) != (want > 0) || s != want {
			t.Errorf("%q: %d, %v", text, s, err)
		}
	}
	for text, want := range map[string]string{"VRAI": "true", "oui": "true", "Yes": "true", "FAUX": "false", "non": "false", "peut-être": ""} {
		f := Flag(want != "true")
		if err := f.UnmarshalScalar(text); (err == nil) != (want != "") || want != "" && bool(f) != (want == "true") {
			t.Errorf("%q: %v, %v", text, f, err)
		}
	}
}
