package main

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"

	"go.yaml.in/yaml/v3"
)

// Pace of the lab's Alertmanager. What the shipped file says is for production,
// where one mail about ten machines is worth waiting for.
const (
	groupWait     = "1s"
	groupInterval = "5s"
)

// shippedAlertmanager is the configuration that production begins with.
func (f *Files) shippedAlertmanager() string {
	return filepath.Join(f.Root, "deploy", "alertmanager", "alertmanager.yml")
}

// writeAlertmanager makes the shipped configuration concrete: same routes, same
// inhibitions, but our address, our token and a quicker pace.
func (f *Files) writeAlertmanager() error {
	name := f.shippedAlertmanager()
	text, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	var urls []string
	for _, r := range f.Receivers {
		urls = append(urls, r.Port.URL("http")+"/api/v1/alertmanager")
	}
	text, err = concrete(text, urls, f.SecretFile("webhook"), map[string]any{
		"smtp_smarthost":          fmt.Sprintf("localhost:%d", f.Ports.SMTP.Number),
		"smtp_tls_config":         map[string]any{"ca_file": f.CAFile()},
		"smtp_auth_username":      "vigie",
		"smtp_auth_password_file": f.SecretFile("smtp"),
	})
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return writeFile(f.ConfigFile("alertmanager"), text)
}

// concrete points every webhook of an Alertmanager configuration to each of urls with
// the token in tokenFile, sends its own mails as mail says, and lets every route
// go at the lab's pace.
func concrete(text []byte, urls []string, tokenFile string, mail map[string]any) ([]byte, error) {
	var doc map[string]any
	if err := yaml.Unmarshal(text, &doc); err != nil {
		return nil, err
	}
	route, ok := doc["route"].(map[string]any)
	if !ok {
		return nil, fmt.Errorf("route: missing")
	}
	quicken(route)
	global, ok := doc["global"].(map[string]any)
	if !ok {
		global = map[string]any{}
		doc["global"] = global
	}
	maps.Copy(global, mail)
	pointed := 0
	for _, r := range list(doc["receivers"]) {
		var each []any
		for _, hook := range list(r["webhook_configs"]) {
			delete(hook, "url_file")
			http, ok := hook["http_config"].(map[string]any)
			if !ok {
				http = map[string]any{}
				hook["http_config"] = http
			}
			delete(http, "tls_config") // the lab's Vigie speaks plain HTTP, on loopback
			http["authorization"] = map[string]any{"type": "Bearer", "credentials_file": tokenFile}
			for _, url := range urls {
				one := maps.Clone(hook)
				one["url"] = url
				each = append(each, one)
				pointed++
			}
		}
		if each != nil {
			r["webhook_configs"] = each
		}
	}
	if pointed == 0 {
		return nil, fmt.Errorf("receivers: none has webhook_configs, so nothing would reach Vigie")
	}
	out, err := yaml.Marshal(doc)
	return append([]byte("# Written by vigie-lab at each start, from deploy/alertmanager/alertmanager.yml.\n"), out...), err
}

func quicken(route map[string]any) {
	route["group_wait"], route["group_interval"] = groupWait, groupInterval
	for _, r := range list(route["routes"]) {
		quicken(r)
	}
}

// list gives the mappings of a sequence.
func list(v any) []map[string]any {
	var out []map[string]any
	items, _ := v.([]any)
	for _, item := range items {
		if m, ok := item.(map[string]any); ok {
			out = append(out, m)
		}
	}
	return out
}
