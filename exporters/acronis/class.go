package acronis

import (
	"regexp"
	"strconv"
	"strings"
	"time"

	"vigie/exporters"
)

var (
	nasType    = regexp.MustCompile(`(?i)(^|[._])nas([._]|$)`)
	serverName = regexp.MustCompile(`(?i)server`)
)

// classOf maps a resource to a machine class. Known tells whether the type is
// one that this program knows of; an unknown one is Other, which the rules
// treat like a server.
func classOf(resourceType string, attributes map[string]string) (class exporters.Class, known bool) {
	t := strings.ToLower(resourceType)
	switch {
	case nasType.MatchString(t):
		return exporters.NAS, true
	case strings.HasPrefix(t, "resource.virtual_machine"):
		return exporters.Server, true
	case t == "resource.machine" || t == "machine":
		return machineClass(attributes), true
	case strings.Contains(t, "mobile"):
		return exporters.Workstation, true
	case strings.Contains(t, "mssql"), strings.Contains(t, "exchange"), strings.Contains(t, "mysql"),
		strings.Contains(t, "oracle"), strings.Contains(t, "mariadb"), strings.Contains(t, "sap_hana"),
		strings.Contains(t, "mailbox"), strings.Contains(t, "office365"), strings.Contains(t, "gsuite"),
		strings.Contains(t, "google"), strings.Contains(t, "sharepoint"), strings.Contains(t, "onedrive"),
		strings.Contains(t, "teams"), strings.Contains(t, "web_hosting"), strings.Contains(t, "website"):
		return exporters.Server, true
	default:
		return exporters.Other, false
	}
}

// machineClass reads what the agent tells of the operating system. Product
// types are Windows's: 1 workstation, 2 domain controller, 3 server.
func machineClass(attributes map[string]string) exporters.Class {
	switch strings.ToLower(attributes["os_product_type"]) {
	case "1", "workstation":
		return exporters.Workstation
	case "2", "3", "dc", "server":
		return exporters.Server
	}
	switch strings.ToLower(attributes["chassis"]) {
	case "laptop", "desktop":
		return exporters.Workstation
	case "server":
		return exporters.Server
	}
	if serverName.MatchString(attributes["os_name"]) {
		return exporters.Server
	}
	return exporters.Other
}

// attributesOf flattens the namespaces; the agent's own comes first, since
// others repeat some of its keys in other forms.
func attributesOf(r *resourceStatus) map[string]string {
	out := map[string]string{}
	take := func(wanted bool) {
		for _, list := range []*[]attributes{r.Attributes, r.Context.Attributes} {
			if list == nil {
				continue
			}
			for _, ns := range *list {
				if (strings.EqualFold(ns.Name, "agent") || strings.EqualFold(ns.Namespace, "agent")) != wanted {
					continue
				}
				for _, kv := range ns.KVs {
					key := snake(kv.Key)
					if _, ok := out[key]; !ok && kv.Value != "" {
						out[key] = string(kv.Value)
					}
				}
			}
		}
	}
	take(true)
	take(false)
	return out
}

// snake turns osProductType into os_product_type: both spellings are in use.
func snake(key string) string {
	var b strings.Builder
	for i, r := range key {
		if r >= 'A' && r <= 'Z' {
			if i > 0 {
				b.WriteByte('_')
			}
			r += 'a' - 'A'
		}
		b.WriteRune(r)
	}
	return b.String()
}

// zoneOf is where a machine's schedule is read: its own offset from UTC in
// minutes; nil if it does not tell.
func zoneOf(attributes map[string]string) *time.Location {
	minutes, err := strconv.Atoi(attributes["tz_offset"])
	if err != nil || minutes <= -16*60 || minutes >= 16*60 {
		return nil
	}
	return time.FixedZone("", minutes*60)
}

// cloudApplication tells whether a resource is one of those whose backups are
// often known by their tasks only.
func cloudApplication(resourceType string) bool {
	t := strings.ToLower(resourceType)
	for _, word := range []string{"office365", "gsuite", "google", "sharepoint", "onedrive", "teams", "mailbox"} {
		if strings.Contains(t, word) {
			return true
		}
	}
	return false
}
