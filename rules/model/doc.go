// Package model holds the words that inventory, policy and decisions share:
// labels and their matchers, signals, states, flags, and texts for people. It
// knows nothing of any of them.
package model
