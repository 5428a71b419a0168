package smtpsink

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"time"

	"github.com/emersion/go-message"
	_ "github.com/emersion/go-message/charset" // mail from elsewhere comes in every encoding
	"github.com/emersion/go-message/mail"
)

// Message is one transmission the sink accepted.
type Message struct {
	// ID numbers the transmissions from 1.
	ID int `json:"id"`
	// From and Recipients are the envelope.
	From       string   `json:"envelope_from"`
	Recipients []string `json:"envelope_to"`
	// To and Cc are the headers.
	To []Address `json:"to"`
	Cc []Address `json:"cc"`
	// Sender is the first address of the From header.
	Sender  Address `json:"from"`
	Subject string  `json:"subject"`
	// MessageID is without angle brackets: the same for all the recipients of one
	// message and for all attempts.
	MessageID string `json:"message_id"`
	// Date is the Date header, zero when absent or malformed.
	Date time.Time `json:"date"`
	Text string    `json:"text"`
	HTML string    `json:"html"`
	// Headers are all header fields in their order, decoded.
	Headers []Header `json:"headers"`
	// Received is when the sink had the whole message.
	Received time.Time `json:"received"`
	// Hello and User are what the client called itself, and authenticated as.
	Hello string `json:"hello"`
	User  string `json:"user,omitempty"`
	TLS   bool   `json:"tls"`
	// ParseError says why the message could not be read as MIME.
	ParseError string `json:"parse_error,omitempty"`
	Raw        []byte `json:"-"`
}

// Address is a mailbox of a header.
type Address struct {
	Name    string `json:"name,omitempty"`
	Address string `json:"address"`
}

// String shows the address for people.
func (a Address) String() string {
	if a.Name == "" {
		return a.Address
	}
	return a.Name + " <" + a.Address + ">"
}

// Header is one header field, its value decoded and unfolded.
type Header struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// Header returns the first field of that name, whatever its case, or "".
func (m Message) Header(name string) string {
	for _, h := range m.Headers {
		if strings.EqualFold(h.Name, name) {
			return h.Value
		}
	}
	return ""
}

// Bare returns the addresses without their names.
func Bare(list []Address) []string {
	out := make([]string, 0, len(list))
	for _, a := range list {
		out = append(out, a.Address)
	}
	return out
}

func (m Message) size() int64 {
	return int64(len(m.Raw) + len(m.Text) + len(m.HTML))
}

// Parse reads a message as far as it can be read; nothing received is refused
// for being malformed.
func Parse(raw []byte) Message {
	m := Message{Raw: raw, To: []Address{}, Cc: []Address{}, Headers: []Header{}}
	r, err := mail.CreateReader(bytes.NewReader(raw))
	if r == nil {
		m.ParseError = err.Error()
		m.Text = strings.ToValidUTF8(string(raw), "\uFFFD")
		return m
	}
	for f := r.Header.Fields(); f.Next(); {
		value, err := f.Text()
		if err != nil {
			value = f.Value()
		}
		m.Headers = append(m.Headers, Header{Name: f.Key(), Value: value})
	}
	m.Subject, _ = r.Header.Subject()
	m.MessageID, _ = r.Header.MessageID()
	m.Date, _ = r.Header.Date()
	m.To = append(m.To, addresses(r.Header, "To")...)
	m.Cc = append(m.Cc, addresses(r.Header, "Cc")...)
	if from := addresses(r.Header, "From"); len(from) > 0 {
		m.Sender = from[0]
	}
	if err := m.bodies(r); err != nil {
		m.ParseError = err.Error()
	}
	return m
}

func addresses(h mail.Header, name string) []Address {
	list, err := h.AddressList(name)
	if err != nil {
		return []Address{{Address: h.Get(name)}}
	}
	var out []Address
	for _, a := range list {
		out = append(out, Address{Name: a.Name, Address: a.Address})
	}
	return out
}

// bodies takes the first plain text and the first HTML part.
func (m *Message) bodies(r *mail.Reader) error {
	for {
		part, err := r.NextPart()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil && !message.IsUnknownCharset(err) {
			return err
		}
		inline, ok := part.Header.(*mail.InlineHeader)
		if !ok {
			continue
		}
		kind, _, _ := inline.ContentType()
		data, err := io.ReadAll(part.Body)
		if err != nil {
			return err
		}
		text := strings.ReplaceAll(strings.ToValidUTF8(string(data), "\uFFFD"), "\r\n", "\n")
		switch {
		case kind == "text/html" && m.HTML == "":
			m.HTML = text
		case kind != "text/html" && m.Text == "":
			m.Text = text
		}
	}
}
