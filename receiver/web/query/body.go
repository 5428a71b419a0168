package query

import (
	"errors"
	"net/http"

	json "github.com/go-json-experiment/json/v1"

	"vigie/receiver"
	"vigie/rules/incident"
)

// Body reads what a person sent as JSON. Unknown fields are errors: a misspelt one
// would be lost in silence. How long it may be is bounded before.
func Body(r *http.Request, v any) error {
	d := json.NewDecoder(r.Body)
	d.DisallowUnknownFields()
	err := d.Decode(v)
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		return &receiver.RefusedError{Refusal: incident.Refuse(http.StatusRequestEntityTooLarge, "at most %d bytes are taken", large.Limit)}
	case err != nil:
		return &receiver.RefusedError{Refusal: incident.Refuse(http.StatusBadRequest, "not readable: %v", err)}
	}
	return nil
}
