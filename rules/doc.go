// Package rules decides what should happen to an incident, to whom it is told,
// by when, and why. It is pure: it reads no clock, no file and no network, and
// it writes nothing. Every decision takes the instant as an argument and
// returns the incident's next state together with its reasons in words.
//
// The same [Book.Decide] serves Alertmanager's webhook, the passing of time, a
// person's act and `vigie simulate`, so that what the simulator prints is what
// the server does.
package rules
