package query

import (
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"

	"vigie/rules/incident"
)

// Body reads what a person sent as JSON: one object. Unknown fields, one that comes
// twice and whatever follows the object are errors: they would be lost in silence. How
// long it may be is bounded before.
func Body(r *http.Request, v any) error {
	err := json.UnmarshalRead(r.Body, v, json.RejectUnknownMembers(true), json.MatchCaseInsensitiveNames(true))
	var large *http.MaxBytesError
	var unfit *json.SemanticError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &large):
		return incident.Refuse(http.StatusRequestEntityTooLarge, "at most {n} bytes are taken", "n", strconv.FormatInt(large.Limit, 10))
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		return incident.Refuse(http.StatusBadRequest, "not readable: it ends before its object does")
	case errors.As(err, &unfit):
		field := strings.ReplaceAll(strings.TrimPrefix(string(unfit.JSONPointer), "/"), "/", ".")
		switch {
		case errors.Is(err, json.ErrUnknownName):
			return incident.Refuse(http.StatusBadRequest, "there is no field {quoted}", "quoted", field).About(field)
		case unfit.JSONPointer != "":
			return incident.Refuse(http.StatusBadRequest, "field {quoted} holds a value of another kind", "quoted", field).About(field)
		}
		return incident.Refuse(http.StatusBadRequest, "not readable: it is no object")
	}
	return incident.Refuse(http.StatusBadRequest, "not readable: {error}", "error", strings.TrimPrefix(err.Error(), "jsontext: "))
}
