package evidence

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/prometheus/client_golang/api"
)

// errPartial is an answer that leaves something out.
var errPartial = errors.New("the answer is partial")

// wholeAnswers lets no answer pass that says of itself that it is not the whole:
// a querier in front of several stores answers 200 with what it could reach. No
// question can be answered from that, so no question has to think of it.
type wholeAnswers struct{ api.Client }

// Do makes a request. A partial answer is an error that wraps errPartial.
func (w wholeAnswers) Do(ctx context.Context, r *http.Request) (*http.Response, []byte, error) {
	resp, body, err := w.Client.Do(ctx, r)
	if err == nil {
		err = missing(body)
	}
	return resp, body, err
}

// missing says what an answer leaves out. Prometheus, Thanos and Mimir name it in
// warnings, VictoriaMetrics in isPartial; infos are about the query alone.
func missing(body []byte) error {
	var answer struct {
		Warnings  []string `json:"warnings"`
		IsPartial bool     `json:"isPartial"`
		Data      struct {
			IsPartial bool `json:"isPartial"`
		} `json:"data"`
	}
	var shape *json.UnmarshalTypeError
	if err := json.Unmarshal(body, &answer); err != nil && !errors.As(err, &shape) {
		return nil // it is no answer at all, which is said elsewhere
	}
	switch {
	case len(answer.Warnings) > 0:
		return fmt.Errorf("%w: %s", errPartial, firstOf(answer.Warnings))
	case answer.IsPartial || answer.Data.IsPartial:
		return fmt.Errorf("%w: a part of the stores did not answer", errPartial)
	}
	return nil
}

// firstOf shortens what may be one warning for each of hundreds of stores.
func firstOf(warnings []string) string {
	const most = 200
	text := strings.ToValidUTF8(warnings[0], "")
	if len(text) > most {
		text = strings.ToValidUTF8(text[:most], "") + "…"
	}
	if n := len(warnings) - 1; n > 0 {
		text += fmt.Sprintf(" (and %d more)", n)
	}
	return text
}
