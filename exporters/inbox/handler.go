package inbox

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"slices"

	"vigie/exporters/push"
)

// Path is where unsorted mails are listed; one of them is below it, as
// source and id.
const Path = "/api/v1/unsorted"

// Named is a running source with its name.
type Named struct {
	Name   string
	Source *Source
}

// problem is the body of an error response.
type problem struct {
	What string `json:"what"`
	Cure string `json:"cure"`
}

// Listing is the body of GET on Path.
type Listing struct {
	Messages []Unsorted `json:"messages"`
	// Failed names the sources whose list cannot be read now.
	Failed []string `json:"failed,omitempty"`
}

// Handler answers below Path. Whoever may read the results may read here; dismissing
// needs a token of its own, whatever the web server asks for.
func Handler(sources func() []Named, logger *slog.Logger) http.Handler {
	mux := http.NewServeMux()
	find := func(w http.ResponseWriter, r *http.Request) *Source {
		all := sources()
		i := slices.IndexFunc(all, func(n Named) bool { return n.Name == r.PathValue("source") })
		if i < 0 {
			say(w, http.StatusNotFound, problem{"no source of mails is called that", "take source and id from the list"})
			return nil
		}
		return all[i].Source
	}
	mux.HandleFunc("GET "+Path, func(w http.ResponseWriter, r *http.Request) {
		for key := range r.URL.Query() {
			if key != "source" {
				say(w, http.StatusBadRequest, problem{"unknown parameter", "known is source"})
				return
			}
		}
		say(w, http.StatusOK, collect(sources(), r.URL.Query().Get("source"), logger))
	})
	mux.HandleFunc("GET "+Path+"/{source}/{id}", func(w http.ResponseWriter, r *http.Request) {
		s := find(w, r)
		if s == nil {
			return
		}
		raw, err := s.Message(r.PathValue("id"))
		if err != nil {
			fail(w, logger, err)
			return
		}
		h := w.Header()
		h.Set("Content-Type", "message/rfc822")
		h.Set("Content-Disposition", `attachment; filename="mail.eml"`)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Cache-Control", "no-store")
		_, _ = w.Write(raw) // the reader went away
	})
	mux.HandleFunc("DELETE "+Path+"/{source}/{id}", func(w http.ResponseWriter, r *http.Request) {
		s := find(w, r)
		if s == nil || !s.allows(w, r) {
			return
		}
		id := r.PathValue("id")
		if err := s.Dismiss(id); err != nil {
			fail(w, logger, err)
			return
		}
		user, _, _ := r.BasicAuth()
		logger.Info("mail dismissed", "source", r.PathValue("source"), "id", id, "user", user, "from", r.RemoteAddr)
		w.WriteHeader(http.StatusNoContent)
	})
	return mux
}

func say(w http.ResponseWriter, status int, body any) {
	if p, ok := body.(problem); ok {
		body = map[string]problem{"error": p}
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // the reader went away
}

func fail(w http.ResponseWriter, logger *slog.Logger, err error) {
	if errors.Is(err, errNotListed) {
		say(w, http.StatusNotFound, problem{err.Error(), "it was read, or dismissed; look at the list again"})
		return
	}
	logger.Error("unsorted mails not read", "err", err)
	say(w, http.StatusInternalServerError, problem{"the list cannot be read", "look into the exporter's log"})
}

func collect(sources []Named, only string, logger *slog.Logger) Listing {
	out := Listing{Messages: []Unsorted{}}
	for _, n := range sources {
		if only != "" && n.Name != only {
			continue
		}
		messages, err := n.Source.Unsorted()
		if err != nil {
			logger.Error("unsorted mails not read", "source", n.Name, "err", err)
			out.Failed = append(out.Failed, n.Name)
			continue
		}
		for i := range messages {
			messages[i].Source = n.Name
		}
		out.Messages = append(out.Messages, messages...)
	}
	return out
}

// allows reports whether the request has a token for dismissing, and answers it if not.
func (s *Source) allows(w http.ResponseWriter, r *http.Request) bool {
	if s.config.DismissTokenFile == "" {
		say(w, http.StatusForbidden, problem{"dismissing is switched off", "name a dismiss_token_file in the source's configuration"})
		return false
	}
	tokens, err := push.ReadTokens(s.config.dismiss)
	if err != nil {
		say(w, http.StatusServiceUnavailable, problem{"the tokens cannot be read", "look at the file that dismiss_token_file names"})
		return false
	}
	given, ok := sha256.Sum256([]byte(push.TokenOf(r))), false
	for _, t := range tokens {
		want := sha256.Sum256([]byte(t))
		if subtle.ConstantTimeCompare(given[:], want[:]) == 1 {
			ok = true
		}
	}
	if !ok {
		w.Header().Set("WWW-Authenticate", "Bearer")
		say(w, http.StatusUnauthorized, problem{"no token, or a wrong one", "send the header Authorization: Bearer TOKEN, or " + push.TokenHeader + " beside a password"})
	}
	return ok
}
