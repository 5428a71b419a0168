// Package misbehave lets the simulated backup products fail on order, in the
// ways real ones were seen to fail.
package misbehave

import (
	"net/http"
	"strconv"
	"sync"
	"time"
)

// Fault is one way to misbehave.
type Fault int

// The faults. HalfPage and RepeatCursor are done by the simulators
// themselves, the others by Write.
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
)

// Order says when to misbehave.
type Order struct {
	Endpoint   string // as the simulator names it; empty means every one
	Fault      Fault
	Skip       int           // requests that go well before
	Times      int           // requests that go wrong; negative means until Clear
	RetryAfter time.Duration // for TooManyRequests and Unavailable
	Delay      time.Duration // for SlowBody
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
