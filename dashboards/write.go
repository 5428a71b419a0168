package dashboards

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// Files are all boards in all languages, by their path below the folder of the
// dashboards: en/fleet.json. The language of o does not matter.
func Files(o Options) (map[string][]byte, error) {
	o.Vigie, o.Alertmanager, o.Runbooks = strings.TrimRight(o.Vigie, "/"), strings.TrimRight(o.Alertmanager, "/"), strings.TrimRight(o.Runbooks, "/")
	files := map[string][]byte{}
	for _, o.Language = range Languages() {
		for _, d := range All(o) {
			var text bytes.Buffer
			e := json.NewEncoder(&text)
			e.SetEscapeHTML(false)
			e.SetIndent("", "  ")
			if err := e.Encode(d); err != nil {
				return nil, fmt.Errorf("%s: %w", d.UID, err)
			}
			name := strings.TrimSuffix(strings.TrimPrefix(d.UID, "backup-"), "-"+string(o.Language))
			files[filepath.Join(string(o.Language), name+".json")] = text.Bytes()
		}
	}
	return files, nil
}

// Write writes all boards below dir.
func Write(dir string, o Options) error {
	files, err := Files(o)
	if err != nil {
		return err
	}
	for name, text := range files {
		name = filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(name, text, 0o644); err != nil {
			return err
		}
	}
	return nil
}
