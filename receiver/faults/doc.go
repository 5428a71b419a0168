// Package faults plays faults against the program itself: killed at random
// moments, and pestered by slow clients. What can be played with an injected
// clock stands in the tests of package receiver.
package faults
