package misbehave

import (
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"sync"
	"time"
)

// Controls is what every simulated product has beside its own wire: orders to
// misbehave, a main switch, and a count of what was asked. Simulators embed it.
type Controls struct {
	Orders Orders

	mu       sync.Mutex
	down     bool
	requests map[string]int
}

// Take counts a request to an endpoint and gives the order for it. Down is
// true while the product is switched off; then no order is used up.
func (d *Controls) Take(endpoint string) (order Order, down bool) {
	d.mu.Lock()
	if d.requests == nil {
		d.requests = map[string]int{}
	}
	d.requests[endpoint]++
	down = d.down
	d.mu.Unlock()
	if down {
		return Order{}, true
	}
	return d.Orders.Take(endpoint), false
}

// SetDown lets every request end with 503, or ends that.
func (d *Controls) SetDown(down bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.down = down
}

// Requests counts the requests to an endpoint since the last ResetRequests.
func (d *Controls) Requests(endpoint string) int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.requests[endpoint]
}

// Calls counts the requests to all endpoints.
func (d *Controls) Calls() map[string]int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return maps.Clone(d.requests)
}

// ResetRequests begins a new count.
func (d *Controls) ResetRequests() {
	d.mu.Lock()
	defer d.mu.Unlock()
	clear(d.requests)
}

// wireOrder is an Order as it is written over HTTP.
type wireOrder struct {
	Endpoint   string `json:"endpoint"`
	Fault      string `json:"fault"`
	Skip       int    `json:"skip"`
	Times      *int   `json:"times"` // until it is withdrawn unless set
	RetryAfter string `json:"retry_after"`
	Delay      string `json:"delay"`
}

func (w wireOrder) order() (Order, error) {
	o := Order{Endpoint: w.Endpoint, Skip: w.Skip, Times: -1}
	var err error
	if o.Fault, err = ParseFault(w.Fault); err != nil {
		return o, err
	}
	if w.Times != nil {
		o.Times = *w.Times
	}
	for _, d := range []struct {
		text string
		into *time.Duration
	}{{w.RetryAfter, &o.RetryAfter}, {w.Delay, &o.Delay}} {
		if d.text == "" {
			continue
		}
		if *d.into, err = time.ParseDuration(d.text); err != nil {
			return o, err
		}
	}
	return o, nil
}

func written(o Order) wireOrder {
	w := wireOrder{Endpoint: o.Endpoint, Fault: o.Fault.String(), Skip: o.Skip, Times: &o.Times}
	if o.RetryAfter != 0 {
		w.RetryAfter = o.RetryAfter.String()
	}
	if o.Delay != 0 {
		w.Delay = o.Delay.String()
	}
	return w
}

// Control is the HTTP side of the controls, for a laboratory: GET tells the state,
// POST gives an order or switches with {"down":true}, DELETE withdraws all
// orders and switches on. It has no authentication: serve it on loopback only.
func (d *Controls) Control() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.Method {
		case http.MethodGet:
		case http.MethodDelete:
			d.Orders.Clear()
			d.SetDown(false)
		case http.MethodPost:
			if err := d.instruct(r.Body); err != nil {
				http.Error(w, err.Error(), http.StatusBadRequest)
				return
			}
		default:
			w.Header().Set("Allow", "GET, POST, DELETE")
			http.Error(w, "GET, POST and DELETE are understood here", http.StatusMethodNotAllowed)
			return
		}
		orders := []wireOrder{}
		for _, o := range d.Orders.List() {
			orders = append(orders, written(o))
		}
		d.mu.Lock()
		state := map[string]any{"down": d.down, "orders": orders, "requests": maps.Clone(d.requests)}
		d.mu.Unlock()
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(state) // the client went away
	})
}

func (d *Controls) instruct(body io.Reader) error {
	var in struct {
		wireOrder
		Down *bool `json:"down"`
	}
	dec := json.NewDecoder(io.LimitReader(body, 64<<10))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&in); err != nil {
		return fmt.Errorf("not an order: %w", err)
	}
	if in.Down != nil {
		d.SetDown(*in.Down)
	}
	if in.Fault == "" {
		if in.Down == nil {
			return errors.New(`not an order: name a fault, or switch with "down"`)
		}
		return nil
	}
	o, err := in.order()
	if err != nil {
		return err
	}
	d.Orders.Add(o)
	return nil
}

// Token makes a token that tests can look for by its prefix.
func Token(prefix string) string {
	var b [24]byte
	_, _ = rand.Read(b[:]) // never fails
	return prefix + hex.EncodeToString(b[:])
}

// UUID makes an id of a number: runs of a test give the same ids.
func UUID(kind byte, n int) string {
	return fmt.Sprintf("%02x%06x-%04x-4%03x-8%03x-%012x", kind, n, n%0xffff, n%0xfff, (n*7)%0xfff, 0xabcdef000000+n)
}

// Encode writes an answer.
func Encode(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err) // simulators encode maps of plain values only
	}
	return b
}
