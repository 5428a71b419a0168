package inbox

import (
	"path/filepath"
	"testing"
)

const shipped = "../../deploy/backup_exporter/inbox"

func shippedRules(t testing.TB) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(shipped, "*.yml"))
	if err != nil || len(files) != 4 {
		t.Fatalf("%v %v", files, err)
	}
	return files
}

// Loading holds every rule against its examples.
func TestShippedRulesReadTheirExamples(t *testing.T) {
	if _, err := LoadRules(shippedRules(t)); err != nil {
		t.Fatal(err)
	}
}
