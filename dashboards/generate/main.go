// Command generate writes the dashboards as files, a folder a language.
//
//	go run ./dashboards/generate
//	go run ./dashboards/generate --out=/etc/grafana/vigie --vigie=https://vigie.msp.example
package main

import (
	"fmt"
	"os"

	"github.com/alecthomas/kingpin/v2"

	"vigie/dashboards"
)

func main() {
	o := dashboards.Defaults(dashboards.English)
	app := kingpin.New("generate", "Writes the dashboards as JSON files, a folder a language.")
	out := app.Flag("out", "Folder to write to.").Default("dashboards").String()
	app.Flag("vigie", "Address at which browsers reach Vigie.").Default(o.Vigie).StringVar(&o.Vigie)
	app.Flag("alertmanager", "Address at which browsers reach Alertmanager.").Default(o.Alertmanager).StringVar(&o.Alertmanager)
	app.Flag("runbooks", "Address below which the runbooks lie, as in the rules' runbook_url.").Default(o.Runbooks).StringVar(&o.Runbooks)
	kingpin.MustParse(app.Parse(os.Args[1:]))
	if err := dashboards.Write(*out, o); err != nil {
		fmt.Fprintln(os.Stderr, "generate:", err)
		os.Exit(1)
	}
}
