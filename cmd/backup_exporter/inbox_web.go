package main

import "vigie/exporters/inbox"

// inboxSources gives the running sources that read mails.
func (h *manager) inboxSources() []inbox.Named {
	h.mu.Lock()
	defer h.mu.Unlock()
	var out []inbox.Named
	for _, r := range h.running {
		if s, ok := r.source.(*inbox.Source); ok {
			out = append(out, inbox.Named{Name: r.Name, Source: s})
		}
	}
	return out
}
