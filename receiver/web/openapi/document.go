package openapi

import (
	"maps"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"vigie/receiver/web/query"
)

// Path is where the document is served.
const Path = "/api/v1/openapi.json"

// object is a JSON object of the document.
type object = map[string]any

// Options are the parts of a document beside its operations.
type Options struct {
	Title, About, Version string
	// Problem is a value of the type that says why something was not done.
	Problem any
	// Words are what types and fields mean, by "package.Type" and
	// "package.Type.field"; those that are missing are left out.
	Words map[string]string
	// Enums are the values that a type can have, by "package.Type".
	Enums map[string][]string
}

// Document describes the API in OpenAPI 3.1. It also returns the names of the types
// that it describes, as "package.Type".
func Document(all []Operation, o Options) (document any, types []string) {
	s := &schemas{o: o, made: object{}, names: map[string]string{}, told: map[string]bool{}}
	paths := object{}
	for _, op := range all {
		at, _ := paths[op.Path].(object)
		if at == nil {
			at = object{}
			paths[op.Path] = at
		}
		at[strings.ToLower(op.Method)] = s.operation(op)
	}
	document = object{
		"openapi": "3.1.0",
		"info": object{"title": o.Title, "description": o.About, "version": o.Version,
			"license": object{"name": "Apache 2.0", "identifier": "Apache-2.0"}},
		"servers": []any{object{"url": "/", "description": "where this document was read"}},
		"paths":   paths,
		"components": object{
			"schemas": s.made,
			"securitySchemes": object{
				"person":  object{"type": "http", "scheme": "bearer", "description": "a person's token, made by vigie token new PERSON"},
				"machine": object{"type": "http", "scheme": "bearer", "description": "a token of webhook_token_file or inventory_token_file"},
			},
		},
	}
	return document, slices.Sorted(maps.Keys(s.told))
}

// inPath finds the parameters of a path.
var inPath = regexp.MustCompile(`\{(\w+)\}`)

func (s *schemas) operation(op Operation) object {
	params := []any{}
	for _, m := range inPath.FindAllStringSubmatch(op.Path, -1) {
		params = append(params, object{"name": m[1], "in": "path", "required": true, "schema": object{"type": "string"}})
	}
	for _, p := range query.OfAPI(op.Params) {
		one := object{"name": p.Name, "in": "query", "required": p.Must, "schema": paramSchema(p)}
		if p.Says != "" {
			one["description"] = p.Says
		}
		params = append(params, one)
	}
	out := object{"operationId": operationID(op), "summary": upper(op.Says), "tags": []string{tag(op.Path)}, "parameters": params, "responses": s.responses(op)}
	switch {
	case len(op.Who) > 0:
		out["security"] = []any{object{"person": []string{}}}
		out["description"] = "For the roles " + strings.Join(op.Who, ", ") + "."
	case op.Token:
		out["security"] = []any{object{"machine": []string{}}}
	default:
		out["security"] = []any{}
	}
	if op.Takes != nil {
		out["requestBody"] = object{"required": true, "content": object{"application/json": object{"schema": s.of(op.Takes, true)}}}
	}
	return out
}

// responses describes the successful response and the errors.
func (s *schemas) responses(op Operation) object {
	content := object{"application/json": object{"schema": s.of(op.Gives, false)}}
	if op.Plain {
		content = object{"text/plain": object{"schema": object{"type": "string"}}}
	}
	if op.File {
		content["text/csv"] = object{"schema": object{"type": "string"}}
	}
	out := object{"200": object{"description": "done, or found", "content": content}}
	problem := func(why string) object {
		if op.Plain {
			return object{"description": why, "content": object{"text/plain": object{"schema": object{"type": "string"}}}}
		}
		return object{"description": why, "content": object{"application/json": object{"schema": s.of(s.o.Problem, false)}}}
	}
	if len(op.Who) > 0 || op.Token {
		out["401"] = problem("the token is nobody's")
	}
	if len(op.Who) > 0 {
		out["403"] = problem("the role does not give this, or it is somebody else's")
		out["422"] = problem("a parameter or a field is missing, or not known")
		out["404"] = problem("it is not there")
	}
	if op.Takes != nil {
		out["400"] = problem("the body cannot be read")
		out["409"] = problem("it cannot be done as things stand")
		out["413"] = problem("the body is too large")
	}
	out["503"] = problem("it was not done and may be tried again")
	return out
}

func paramSchema(p query.Param) object {
	switch {
	case p.Flag:
		return object{"type": "boolean"}
	case p.Most > 0:
		return object{"type": "integer", "minimum": 1, "maximum": p.Most}
	case len(p.OneOf) > 0:
		return object{"type": "string", "enum": p.OneOf}
	}
	return object{"type": "string"}
}

// operationID names an operation for generators of clients, such as
// get_incidents_id_overview.
func operationID(op Operation) string {
	path := strings.TrimPrefix(strings.TrimPrefix(op.Path, "/api/v1"), "/")
	return strings.ToLower(op.Method) + "_" + strings.Trim(regexp.MustCompile(`[^a-z0-9]+`).ReplaceAllString(path, "_"), "_")
}

// tag is the first word of a path.
func tag(path string) string {
	first, _, _ := strings.Cut(strings.TrimPrefix(strings.TrimPrefix(path, "/api/v1/"), "/-/"), "/")
	return strings.TrimSuffix(first, ".json")
}

// upper begins a text with a capital.
func upper(text string) string {
	r, n := utf8.DecodeRuneInString(text)
	return string(unicode.ToUpper(r)) + text[n:]
}
