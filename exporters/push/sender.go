package push

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

const (
	// batch is how many reports are sent in one request.
	batch       = 100
	requestTime = 30 * time.Second
	firstPause  = time.Second
	maxPause    = time.Minute
)

// Sender empties a Spool into an exporter.
type Sender struct {
	// URL is the exporter's address; Path is added to it.
	URL *url.URL
	// Token is read before each request.
	Token func() (string, error)
	// User and Password are for a web server that asks for them; the token
	// then travels in TokenHeader. Password may be nil.
	User     string
	Password func() (string, error)

	UserAgent string
	Spool     *Spool
	HTTP      *http.Client
	// Patience is for how long a receiver that cannot be reached is tried again.
	Patience time.Duration
	Now      func() time.Time
	Sleep    func(context.Context, time.Duration) error
}

// NewHTTPClient gives a client that follows no redirect: it could carry the
// token elsewhere.
func NewHTTPClient(t *tls.Config) *http.Client {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.TLSClientConfig = t
	return &http.Client{Transport: transport, Timeout: requestTime,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

// Sent counts what became of a spool's reports.
type Sent struct {
	Sent     int
	Rejected []error // what the receiver will never take, put aside
	Waiting  int     // still in the spool
}

// Flush sends what waits, oldest first. The error says why some still waits;
// nothing is lost by it.
func (s *Sender) Flush(ctx context.Context) (Sent, error) {
	var out Sent
	err := s.flush(ctx, &out)
	n, lerr := s.Spool.Len()
	out.Waiting = n
	return out, errors.Join(err, lerr)
}

// Send sends reports that are kept nowhere.
func (s *Sender) Send(ctx context.Context, reports []Report) error {
	return s.deliver(ctx, reports, s.Now().Add(s.Patience))
}

func (s *Sender) flush(ctx context.Context, out *Sent) error {
	until := s.Now().Add(s.Patience)
	size := batch
	for {
		names, reports, err := s.next(size, out)
		if err != nil || len(names) == 0 {
			return err
		}
		err = s.deliver(ctx, reports, until)
		var p *Problem
		switch {
		case err == nil:
			out.Sent += len(names)
			for _, n := range names {
				if err := s.Spool.remove(n); err != nil {
					return err
				}
			}
		case errors.As(err, &p) && permanent(p.Status) && len(names) > 1:
			size = len(names) / 2 // one of them spoils the whole: find it
		case errors.As(err, &p) && permanent(p.Status) && !p.foreign:
			size = batch
			out.Rejected = append(out.Rejected, fmt.Errorf("%s: %w", names[0], err))
			if err := s.Spool.reject(names[0]); err != nil {
				return err
			}
		default:
			if errors.As(err, &p) && p.Cure == "" {
				p.Cure = "it stays in the spool and is sent with the next result"
			}
			return err
		}
	}
}

// next reads the oldest reports; a file that holds none is put aside.
func (s *Sender) next(size int, out *Sent) ([]string, []Report, error) {
	names, err := s.Spool.names()
	if err != nil {
		return nil, nil, err
	}
	var good []string
	var reports []Report
	for _, n := range names {
		if len(good) == size {
			break
		}
		r, err := s.Spool.read(n)
		var p *Problem
		switch {
		case err == nil:
			good, reports = append(good, n), append(reports, r)
		case errors.As(err, &p):
			out.Rejected = append(out.Rejected, fmt.Errorf("%s: %w", n, err))
			if err := s.Spool.reject(n); err != nil {
				return nil, nil, err
			}
		case errors.Is(err, fs.ErrNotExist): // another process sent it
		default:
			return nil, nil, err
		}
	}
	return good, reports, nil
}

// permanent tells the refusals that the same report will always meet. A wrong
// token or address is not one: somebody will mend it.
func permanent(status int) bool {
	return status == http.StatusBadRequest || status == http.StatusConflict || status == http.StatusRequestEntityTooLarge || status == http.StatusUnprocessableEntity
}

// passing tells the refusals after which the sender tries again by itself.
func passing(status int) bool {
	return status == 0 || status == http.StatusTooManyRequests || status == http.StatusRequestTimeout || status >= 500
}

// deliver sends reports until they are taken, refused, or patience ends.
func (s *Sender) deliver(ctx context.Context, reports []Report, until time.Time) error {
	pause := firstPause
	for {
		wait, err := s.post(ctx, reports)
		if err == nil {
			return nil
		}
		var p *Problem
		if !errors.As(err, &p) || !passing(p.Status) {
			return err
		}
		if wait == 0 {
			wait = pause/2 + rand.N(pause)
			pause = min(2*pause, maxPause)
		}
		if s.Now().Add(wait).After(until) {
			return err
		}
		if err := s.Sleep(ctx, wait); err != nil {
			return err
		}
	}
}

// post makes one request. A *Problem without Status means that no answer came.
func (s *Sender) post(ctx context.Context, reports []Report) (time.Duration, error) {
	body, err := json.Marshal(reports)
	if err != nil {
		return 0, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.URL.JoinPath(Path).String(), bytes.NewReader(body))
	if err != nil {
		return 0, err
	}
	if err := s.authorize(req); err != nil {
		return 0, err
	}
	resp, err := s.HTTP.Do(req)
	if err != nil {
		if ctx.Err() != nil {
			return 0, ctx.Err()
		}
		return 0, &Problem{What: "no answer: " + err.Error()}
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, 64<<10))
	if err != nil {
		return 0, &Problem{What: "the answer ended early"}
	}
	if resp.StatusCode == http.StatusOK {
		var a Accepted
		// A portal or proxy answers 200 as well; only ours counts.
		if err := json.Unmarshal(text, &a); err == nil && a.Stored+a.Duplicates == len(reports) {
			return 0, nil
		}
		return 0, &Problem{Status: http.StatusBadGateway, What: "the answer is not that of a backup exporter", Cure: "check the address and what stands between"}
	}
	return retryAfter(resp), problemOf(resp.StatusCode, text)
}

func (s *Sender) authorize(req *http.Request) error {
	token, err := s.Token()
	if err != nil {
		return fmt.Errorf("token: %w", err)
	}
	token, _, _ = strings.Cut(token, "\n")
	token = strings.TrimSpace(token)
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", s.UserAgent)
	if s.User == "" {
		req.Header.Set("Authorization", "Bearer "+token)
		return nil
	}
	password := ""
	if s.Password != nil {
		if password, err = s.Password(); err != nil {
			return fmt.Errorf("password: %w", err)
		}
	}
	req.SetBasicAuth(s.User, password)
	req.Header.Set(TokenHeader, token)
	return nil
}

func problemOf(status int, text []byte) *Problem {
	var a struct {
		Error Problem `json:"error"`
	}
	if json.Unmarshal(text, &a) == nil && a.Error.What != "" {
		a.Error.Status = status
		return &a.Error
	}
	return &Problem{foreign: true, Status: status, What: fmt.Sprintf("HTTP %d %s", status, http.StatusText(status)), Cure: "check the address and the credentials"}
}

func retryAfter(resp *http.Response) time.Duration {
	n, err := strconv.Atoi(resp.Header.Get("Retry-After"))
	if err != nil || n < 1 {
		return 0
	}
	return min(time.Duration(n)*time.Second, 10*time.Minute)
}
