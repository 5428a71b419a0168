// Package misbehave lets the simulated backup products fail on order, in the
// ways real ones were seen to fail.
package misbehave

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Fault is one way to misbehave.
type Fault int

// The faults. ExpireTokens, HalfPage, RepeatCursor and MoveList are done by the
// simulators themselves, the others by Write.
const (
	None            Fault = iota
	ExpireTokens          // every token ends before the request is looked at: 401
	TooManyRequests       // 429 with Retry-After
	Unavailable           // 503 with Retry-After
	ServerError           // 500
	Forbidden             // 403: a right is missing
	HTML                  // 200 with an HTML page
	TruncatedJSON         // 200 with a body that ends early but looks complete to HTTP
	CutConnection         // the connection breaks in the middle of the body
	SlowBody              // the body comes in two halves with Delay between
	HalfPage              // half of the page's items, and no word of any more
	RepeatCursor          // the cursor leads to the same page for ever
	MoveList              // an item before the page went away while the list is read
	WrongCase             // words are written in another case than is documented
	SkewClock             // the product's clock is off by Delay
)

// words are the faults as people write them, by number.
func words() []string {
	return []string{"none", "expire_tokens", "too_many_requests", "unavailable", "server_error", "forbidden", "html", "truncated_json",
		"cut_connection", "slow_body", "half_page", "repeat_cursor", "move_list", "wrong_case", "skew_clock"}
}

// String gives the fault as people write it.
func (f Fault) String() string {
	if w := words(); f >= 0 && int(f) < len(w) {
		return w[f]
	}
	return strconv.Itoa(int(f))
}

// ParseFault finds a fault by its word.
func ParseFault(word string) (Fault, error) {
	if i := slices.Index(words(), word); i >= 0 {
		return Fault(i), nil
	}
	return None, fmt.Errorf("%q is no fault; known are %s", word, strings.Join(words(), ", "))
}

// Order says when to misbehave.
type Order struct {
	Endpoint   string // as the simulator names it; empty means every one
	Fault      Fault
	Skip       int           // requests that go well before
	Times      int           // requests that go wrong; negative means until Clear
	RetryAfter time.Duration // for TooManyRequests and Unavailable
	Delay      time.Duration // for SlowBody and SkewClock
}

// Orders is a list of orders, safe for concurrent use.
type Orders struct {
	mu   sync.Mutex
	list []*Order
}

// Add gives an order.
func (o *Orders) Add(order Order) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.list = append(o.list, &order)
}

// Clear withdraws all orders.
func (o *Orders) Clear() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.list = nil
}

// List gives the orders that are not used up.
func (o *Orders) List() []Order {
	o.mu.Lock()
	defer o.mu.Unlock()
	var out []Order
	for _, order := range o.list {
		if order.Times != 0 {
			out = append(out, *order)
		}
	}
	return out
}

// Take gives the order for a request to endpoint, counting it.
func (o *Orders) Take(endpoint string) Order {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, order := range o.list {
		if order.Endpoint != "" && order.Endpoint != endpoint || order.Times == 0 {
			continue
		}
		if order.Skip > 0 {
			order.Skip--
			continue
		}
		if order.Times > 0 {
			order.Times--
		}
		return *order
	}
	return Order{}
}

// Write answers with body, or misbehaves as ordered.
func Write(w http.ResponseWriter, r *http.Request, order Order, status int, body []byte) {
	h := w.Header()
	if h.Get("Content-Type") == "" {
		h.Set("Content-Type", "application/json")
	}
	refuse := func(status int, text string) {
		if order.RetryAfter > 0 {
			h.Set("Retry-After", strconv.Itoa(int(order.RetryAfter/time.Second)))
		}
		w.WriteHeader(status)
		_, _ = w.Write([]byte(text))
	}
	switch order.Fault {
	case TooManyRequests:
		refuse(http.StatusTooManyRequests, `{"error":"too many requests"}`)
	case Unavailable:
		refuse(http.StatusServiceUnavailable, `{"error":"unavailable"}`)
	case ServerError:
		refuse(http.StatusInternalServerError, `{"error":"internal"}`)
	case Forbidden:
		refuse(http.StatusForbidden, `{"error":"forbidden"}`)
	case HTML:
		h.Set("Content-Type", "text/html")
		refuse(http.StatusOK, "<html><head><title>Maintenance</title></head><body>Back soon</body></html>")
	case TruncatedJSON:
		w.WriteHeader(status)
		_, _ = w.Write(body[:len(body)/2])
	case CutConnection:
		h.Set("Content-Length", strconv.Itoa(len(body)))
		w.WriteHeader(status)
		_, _ = w.Write(body[:len(body)/2])
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	case WrongCase:
		w.WriteHeader(status)
		_, _ = w.Write(swapWords(body))
	case SkewClock:
		if date, err := http.ParseTime(h.Get("Date")); err == nil {
			h.Set("Date", date.Add(order.Delay).UTC().Format(http.TimeFormat))
		}
		w.WriteHeader(status)
		_, _ = w.Write(body)
	case SlowBody:
		w.WriteHeader(status)
		_, _ = w.Write(body[:len(body)/2])
		_ = http.NewResponseController(w).Flush()
		select {
		case <-time.After(order.Delay):
		case <-r.Context().Done():
			return
		}
		_, _ = w.Write(body[len(body)/2:])
	default:
		w.WriteHeader(status)
		_, _ = w.Write(body)
	}
}
