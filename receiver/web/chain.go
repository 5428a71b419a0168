package web

import (
	"net/http"
	"time"
)

// chain says what is read, since when, what waits and what is silenced.
func (s *site) chain(r *http.Request, who string) (any, error) {
	return s.o.Engine.Chain(r.Context(), who)
}

// LinkName is what kind of thing is asked.
func (v *view) LinkName(kind string) string {
	switch kind {
	case "prometheus":
		return "Prometheus"
	case "alertmanager":
		return "Alertmanager"
	}
	return v.T("link." + kind)
}

// ChannelName is how a way out is called.
func (v *view) ChannelName(name string) string {
	if name == "mail" {
		return v.T("channel.mail")
	}
	return name
}

// IssueName is how a fault of the data is called.
func (v *view) IssueName(name string) string {
	return v.NameOf("issue", name)
}

// OpenName is how people call what a product leaves open of an identity.
func (v *view) OpenName(word string) string {
	switch word {
	case "namespace", "device", "object":
		return v.T("open." + word)
	}
	return word
}

// FirstOf names the first of many.
func (v *view) FirstOf(all []string) string {
	const most = 5
	if len(all) <= most {
		return v.Join(all)
	}
	return v.Join(all[:most]) + " " + v.Count("chain.and_more", len(all)-most)
}

// GB is a number of bytes as people read it.
func (v *view) GB(n uint64) string { return v.Bytes(float64(n)) }

// Took is a length of time in seconds as people read it.
func (v *view) Took(seconds float64) string { return v.Span(time.Duration(seconds) * time.Second) }
