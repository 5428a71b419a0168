// Package openapi tells what the API is, as a document of OpenAPI 3.1. It is made of
// the requests that the server routes and of the Go types that it answers with; there
// is no second copy.
package openapi

import "vigie/receiver/web/query"

// Operation is one request of the API.
type Operation struct {
	Method, Path string
	// Who are the roles that may ask; nobody named: no person's token is needed.
	Who []string
	// Says what it gives or does, in a sentence without its first capital.
	Says   string
	Params []query.Param
	// Takes is a value of the type that is sent, Gives one of what is answered.
	Takes, Gives any
	// File is set where format=csv answers a file, Token where machines have tokens
	// of their own, Plain where the answer is plain text.
	File, Token, Plain bool
}
