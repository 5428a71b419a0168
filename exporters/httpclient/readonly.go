package httpclient

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
)

// ReadOnlyTransport lets only GET through, and POST to the given paths; or,
// if Allow is set, only what it agrees to.
type ReadOnlyTransport struct {
	Base      http.RoundTripper
	PostPaths []string
	Allow     func(r *http.Request, form url.Values) bool
}

// RoundTrip refuses whatever could change something in the product.
func (t *ReadOnlyTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	if t.lets(r) {
		return t.Base.RoundTrip(r)
	}
	if r.Body != nil {
		_ = r.Body.Close()
	}
	return nil, fmt.Errorf("refused to send %s %s: the exporter only reads", r.Method, r.URL.Path)
}

func (t *ReadOnlyTransport) lets(r *http.Request) bool {
	if t.Allow != nil {
		form, err := wholeForm(r)
		return err == nil && t.Allow(r, form)
	}
	if r.Method == http.MethodGet {
		return true
	}
	return r.Method == http.MethodPost && slices.Contains(t.PostPaths, r.URL.Path)
}

// wholeForm gives the values of query and body, and leaves the body unread.
func wholeForm(r *http.Request) (url.Values, error) {
	form, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil || r.Body == nil || r.Body == http.NoBody {
		return form, err
	}
	if r.GetBody == nil {
		return nil, errors.New("a body that can be read only once")
	}
	body, err := r.GetBody()
	if err != nil {
		return nil, err
	}
	defer body.Close()
	data, err := io.ReadAll(body)
	if err != nil {
		return nil, err
	}
	values, err := url.ParseQuery(string(data))
	for key, v := range values {
		form[key] = append(form[key], v...)
	}
	return form, err
}
