// Package exporters turns what backup products report into metrics.
//
// A Source fetches one complete Snapshot of a product. A Poller asks a Source
// in the background, folds what it says into what is already known, keeps the
// last successes over restarts and renders the result once. An Exposition
// serves the rendered text; a scrape never reaches a product.
//
// Nothing here judges: whether a result is an incident is decided by alerting
// rules. The one rule that every piece keeps is that what was not read is not
// reported as good.
package exporters
