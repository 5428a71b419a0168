// Command generate writes the dashboards as files, a folder a language.
//
//	go run ./dashboards/generate
//	go run ./dashboards/generate --out=/etc/grafana/vigie --vigie=https://vigie.msp.example
package main

import (
	"flag"
	"fmt"
	"os"

	"vigie/dashboards"
)

func main() {
	o := dashboards.Defaults(dashboards.English)
	out := flag.String("out", "dashboards", "folder to write to")
	flag.StringVar(&o.Vigie, "vigie", o.Vigie, "address at which browsers reach Vigie")
	flag.StringVar(&o.Alertmanager, "alertmanager", o.Alertmanager, "address at which browsers reach Alertmanager")
	flag.StringVar(&o.Runbooks, "runbooks", o.Runbooks, "address below which the runbooks lie, as in the rules' runbook_url")
	flag.Parse()
	if flag.NArg() > 0 {
		fmt.Fprintf(os.Stderr, "generate: unexpected %q; try --help\n", flag.Arg(0))
		os.Exit(2)
	}
	if err := dashboards.Write(*out, o); err != nil {
		fmt.Fprintln(os.Stderr, "generate:", err)
		os.Exit(1)
	}
}
