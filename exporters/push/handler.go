package push

import (
	"encoding/json"
	"errors"
	"io"
	"math"
	"mime"
	"net/http"
	"strconv"
	"strings"
)

// Path is where results are received.
const Path = "/api/v1/results"

// TokenHeader carries the token where Authorization is taken by a password
// for the whole web server.
const TokenHeader = "X-Vigie-Token"

// Handler answers POST on Path. Sources gives the push sources that run now;
// the token tells which of them is meant.
func Handler(sources func() []*Source) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		done, err := receive(w, r, sources())
		if err == nil {
			answer(w, http.StatusOK, done)
			return
		}
		var p *Problem
		if !errors.As(err, &p) {
			p = &Problem{Status: http.StatusInternalServerError, What: "something went wrong", Cure: "send it again later"}
		}
		switch p.Status {
		case http.StatusUnauthorized:
			w.Header().Set("WWW-Authenticate", "Bearer")
		case http.StatusServiceUnavailable, http.StatusTooManyRequests:
			if w.Header().Get("Retry-After") == "" {
				w.Header().Set("Retry-After", "30")
			}
		}
		answer(w, p.Status, map[string]*Problem{"error": p})
	})
}

func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // the sender went away and will ask again
}

func receive(w http.ResponseWriter, r *http.Request, sources []*Source) (Accepted, error) {
	if len(sources) == 0 {
		return Accepted{}, &Problem{Status: http.StatusNotFound, What: "this exporter receives no results", Cure: "add a source with the key push to its configuration"}
	}
	s, customer := find(sources, TokenOf(r))
	if s == nil {
		return Accepted{}, &Problem{Status: http.StatusUnauthorized, What: "no customer has this token", Cure: "send the header Authorization: Bearer TOKEN, or " + TokenHeader + " beside a password"}
	}
	g := s.gates[customer]
	if now := s.now(); !g.limiter.AllowN(now, 1) {
		wait := math.Ceil(1 / float64(g.limiter.Limit()))
		w.Header().Set("Retry-After", strconv.Itoa(int(wait)))
		return Accepted{}, &Problem{Status: http.StatusTooManyRequests, What: "too many requests", Cure: "wait as Retry-After says, and send several results in one list"}
	}
	select {
	case g.slots <- struct{}{}:
		defer func() { <-g.slots }()
	default:
		w.Header().Set("Retry-After", "1")
		return Accepted{}, &Problem{Status: http.StatusTooManyRequests, What: "too many requests at once", Cure: "send one after the other"}
	}
	body, err := readBody(w, r, s.config.Limits.BodyBytes)
	if err != nil {
		return Accepted{}, err
	}
	reports, err := Decode(body, s.config.Limits.Results)
	if err != nil {
		return Accepted{}, err
	}
	return s.Accept(customer, reports)
}

func find(sources []*Source, token string) (*Source, string) {
	if token == "" {
		return nil, ""
	}
	for _, s := range sources {
		if customer := s.authenticate(token); customer != "" {
			return s, customer
		}
	}
	return nil, ""
}

// TokenOf gives the token that a request carries, or nothing.
func TokenOf(r *http.Request) string {
	if t := r.Header.Get(TokenHeader); t != "" {
		return t
	}
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return ""
	}
	return strings.TrimSpace(token)
}

func readBody(w http.ResponseWriter, r *http.Request, limit int64) ([]byte, error) {
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || kind != "application/json" {
		return nil, &Problem{Status: http.StatusUnsupportedMediaType, Where: "Content-Type", What: "not JSON", Cure: "send the header Content-Type: application/json"}
	}
	if e := r.Header.Get("Content-Encoding"); e != "" && e != "identity" {
		return nil, &Problem{Status: http.StatusUnsupportedMediaType, Where: "Content-Encoding", What: "a packed body", Cure: "send it as it is"}
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, limit))
	var tooLong *http.MaxBytesError
	switch {
	case errors.As(err, &tooLong):
		return nil, &Problem{Status: http.StatusRequestEntityTooLarge, What: "the body is longer than " + strconv.FormatInt(limit, 10) + " bytes", Cure: "send fewer results at once"}
	case err != nil:
		return nil, &Problem{Status: http.StatusBadRequest, What: "the body ended early", Cure: "send it again"}
	}
	return body, nil
}
