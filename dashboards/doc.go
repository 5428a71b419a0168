// Package dashboards makes Vigie's Grafana dashboards, in every language from
// one source, as plain JSON of Grafana's dashboard schema 39 (Grafana 10 and
// newer). The files in the language folders are its output and are committed;
// `make dashboards` writes them again.
//
// One file holds one board. What all boards say about a backup's state, its
// colour and its words stands in states.go.
package dashboards

//go:generate go run ./generate --out=.
