package arcserve

import (
	"strings"
	"testing"

	"vigie/exporters/sourcetest"
)

func TestConfigIsStrict(t *testing.T) {
	t.Setenv("UDP_PASSWORD", "x")
	const (
		common   = "customer: d\n"
		console  = common + "console_database: {server: udp.dupont.example, user: vigie, password_env: UDP_PASSWORD"
		soap     = common + "soap: {experimental: true, url: 'https://udp.dupont.example:8015', namespace: 'http://x/', username: u, password_env: UDP_PASSWORD"
		agent    = common + "agent_history: {machine: m"
		plain    = "soap: {url: 'http://udp.dupont.example:8015'}"
		twoWays  = console + "}\nagent_history: {machine: m}\n"
		guess    = common + "soap: {url: 'https://udp.dupont.example:8015', namespace: 'http://x/', username: u, password_env: UDP_PASSWORD}"
		noSpaces = common + "soap: {experimental: true, url: 'https://udp.dupont.example:8015', username: u, password_env: UDP_PASSWORD}"
	)
	sourcetest.CheckSettings[Config](t, Engine, map[string]string{
		console + "}": "", soap + "}": "", agent + "}": "",
		console + ", port: 50123}":                          "",
		console + "}\njob_statuses: {3: Failed, 0: Active}": "",
		common:   "one way to read",
		twoWays:  "one way to read",
		guess:    "soap.experimental: the web service of Arcserve UDP is read by guesses that no published answer confirms; write experimental: true",
		noSpaces: "targetNamespace from https://udp.dupont.example:8015/services/UDPService?wsdl",
		plain:    "plain http",
		strings.Replace(console, common, "", 1) + "}":                  "customer: missing",
		strings.Replace(agent, common, "customers: {a: b}\n", 1) + "}": "customer: missing",
		agent + "}\ncustomers: {a: b}":                                 "plans are told apart",
		agent + ", skip_types: ['']}":                                  "an empty word",
		common + "agent_history: {}":                                   "agent_history.machine",
		agent + ", lookback: 1h}":                                      "shorter than 48h",
		console + ", port: 1, instance: A}":                            "given together with port",
		console + ", port: 70000}":                                     "is no port",
		console + ", encrypt: false}":                                  "without encryption",
		console + ", query_timeout: 1ms}":                              "shorter than 1s",
		console + ", password: x}":                                     "unknown key",
		strings.Replace(console, "example", `example\A`, 1) + "}":      "the name or address of a machine alone",
		strings.Replace(console, ", user: vigie", "", 1) + "}":         "console_database.user",
		strings.Replace(console, "UDP_", "NO_", 1) + "}":               "console_database.password_env",
		console + "}\njob_statuses: {3: Kaputt}":                       `job_statuses.3: "Kaputt" is no status; known are Active, Finished`,
		console + "}\ntimezone: Mars":                                  "timezone",
		console + "}\nbackup_role: main":                               "backup_role",
		console + "}\nmachine_class: toaster":                          "machine_class",
		console + "}\nexpected_interval: {toaster: 1h}":                "expected_interval",
		soap + ", parameters: [a, b]}":                                 "soap.parameters",
		soap + ", parameters: [a, b, 'c><x']}":                         "soap.parameters",
	})
}
