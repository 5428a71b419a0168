package alertmanager_test

import (
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"vigie/receiver/alertmanager"
)

// An alert of any size leaves the labels that decisions are made from, and its
// fingerprint is that of the whole, as Alertmanager computes it.
func TestSignalIsBounded(t *testing.T) {
	labels := map[string]string{"alertname": "Many", "machine": "SRV-AD", "text": strings.Repeat("é", 5000), strings.Repeat("n", 5000): "x"}
	for i := range 5000 {
		labels[fmt.Sprintf("superfluous_label_%d", i)] = "v"
	}
	s := alertmanager.Alert{Labels: labels, Annotations: map[string]string{"summary": strings.Repeat("é", 50_000)}, GeneratorURL: strings.Repeat("u", 50_000)}.Signal()
	if s.Labels["machine"] != "SRV-AD" || s.Labels["alertname"] != "Many" || len(s.Labels) > 128 {
		t.Errorf("%d labels, machine %q", len(s.Labels), s.Labels["machine"])
	}
	if s.Fingerprint != alertmanager.Fingerprint(labels) {
		t.Error("the fingerprint is that of what was kept")
	}
	size := 0
	for _, m := range []map[string]string{s.Labels, s.Annotations} {
		for k, v := range m {
			size += len(k) + len(v)
			if !utf8.ValidString(v) {
				t.Errorf("%s is cut within a character", k)
			}
		}
	}
	if size > 50<<10 {
		t.Errorf("%d bytes are kept", size)
	}
}
