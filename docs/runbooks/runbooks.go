// Package runbooks holds a page for each alert, in each language: what it means,
// what to look at and to do, and when it is over.
package runbooks

import (
	"embed"
	"io/fs"
	"path"
	"slices"
	"strings"
)

//go:embed en/*.md fr/*.md
var files embed.FS

// products is the page about the products, which stands below those of alerts
// about what a product does.
const products = "products"

// Languages are the codes of the languages, the usual one first.
func Languages() []string { return []string{"fr", "en"} }

// Alerts are the names of all alerts that have a page, in order.
func Alerts() []string {
	found, err := fs.Glob(files, "en/*.md")
	if err != nil {
		panic(err) // the pattern is a constant
	}
	var names []string
	for _, f := range found {
		if name := strings.TrimSuffix(path.Base(f), ".md"); name != products {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// Page is an alert's page as Markdown; false if there is none.
func Page(language, alert string) (string, bool) {
	if alert == products || strings.ContainsAny(alert, "/.") {
		return "", false
	}
	text, err := files.ReadFile(language + "/" + alert + ".md")
	return string(text), err == nil
}

// Products is what to do in each product, as Markdown; empty for an alert that no
// product can help with.
func Products(language, alert string) string {
	if !slices.Contains(aboutProducts(), alert) {
		return ""
	}
	text, err := files.ReadFile(language + "/" + products + ".md")
	if err != nil {
		return ""
	}
	return string(text)
}

// aboutProducts are the alerts that are looked into and mended in a product.
func aboutProducts() []string {
	return []string{"BackupAgentOffline", "BackupCancelled", "BackupDisabled", "BackupFailed", "BackupMachineVanished", "BackupMissed", "BackupNeverRan", "BackupNoWorkingBackup",
		"BackupRepositoryNearlyFull", "BackupRepositoryOffline", "BackupSizeDrop", "BackupSourceDown", "BackupStuck", "BackupWarning", "BackupWarningRepeated"}
}
