// Package exposition serves what the sources stand for in Prometheus's text
// format. It is rendered and compressed when a source was read; a scrape only
// writes it out and never reaches a product.
package exposition
