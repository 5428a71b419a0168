// Package story plays a story through the production decision path, with its
// own clock and in memory: what happens to incidents, who is told what and
// when, to the second. It stands in for everything around the rules, namely
// Prometheus, Alertmanager, the mail server and people, and is as pure as the
// rules themselves.
package story
