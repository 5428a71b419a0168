package query

import (
	"errors"
	"net/http"
	"strconv"

	json "github.com/go-json-experiment/json/v1"

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
		return incident.Refuse(http.StatusRequestEntityTooLarge, "at most {n} bytes are taken", "n", strconv.FormatInt(large.Limit, 10))
	case err != nil:
		return incident.Refuse(http.StatusBadRequest, "not readable: {error}", "error", err.Error())
	}
	return nil
}
