// Package winevent reads Windows event logs: the XML in which Windows hands
// events out, on any system, and the logs themselves on Windows.
package winevent

import (
	"cmp"
	"encoding/binary"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode/utf16"
	"unicode/utf8"
)

// The levels of events that products here write.
const (
	LevelError       = 2
	LevelWarning     = 3
	LevelInformation = 4
)

// maxEvents bounds one document. A log of that length is read in part by a
// narrower query, never cut silently.
const maxEvents = 200_000

// Event is one entry of a log.
type Event struct {
	Provider string
	ID       int
	Level    int // 1 critical, 2 error, 3 warning, 4 information
	Time     time.Time
	RecordID uint64
	Channel  string
	Computer string
	// Named are the data by name, names in lower case.
	Named map[string]string
	// Data are the values without a name, in their order.
	Data []string
	// Message is the text for people in the language of the system. It is
	// there only if it was asked for.
	Message string
	// Unread is why the event could not be read; all else is empty then. It
	// passes every query, so that whoever reads the log counts it.
	Unread string
}

// Value gives the data of a name, which is compared without regard to case.
func (e *Event) Value(name string) string { return e.Named[strings.ToLower(name)] }

type xmlEvent struct {
	System struct {
		Provider struct {
			Name        string `xml:"Name,attr"`
			EventSource string `xml:"EventSourceName,attr"`
		} `xml:"Provider"`
		EventID     string `xml:"EventID"`
		Level       string `xml:"Level"`
		TimeCreated struct {
			SystemTime string `xml:"SystemTime,attr"`
		} `xml:"TimeCreated"`
		EventRecordID string `xml:"EventRecordID"`
		Channel       string `xml:"Channel"`
		Computer      string `xml:"Computer"`
	} `xml:"System"`
	EventData struct {
		Data []struct {
			Name  string `xml:"Name,attr"`
			Value string `xml:",chardata"`
			Inner string `xml:",innerxml"`
		} `xml:"Data"`
	} `xml:"EventData"`
	UserData      node `xml:"UserData"`
	RenderingInfo struct {
		Message string `xml:"Message"`
	} `xml:"RenderingInfo"`
}

// node is an element of UserData, whose shape each provider chooses.
type node struct {
	XMLName  xml.Name
	Text     string `xml:",chardata"`
	Children []node `xml:",any"`
}

// maxUnread is how many events of one document may be unreadable although they are
// more than the others.
const maxUnread = 100

// Parse reads events as Windows renders them and as programs export them: Event elements,
// in a common element or one after the other, in UTF-8 or UTF-16. A document
// that ends early is an error; an event that cannot be read is given as
// Unread, unless no event can.
func Parse(data []byte) ([]Event, error) {
	text, err := Text(data)
	if err != nil {
		return nil, err
	}
	p := &parser{text: Legal(text)}
	p.restart(0)
	for {
		done, err := p.step()
		if err != nil {
			return nil, err
		}
		if len(p.out) > maxEvents {
			return nil, fmt.Errorf("more than %d events; read a shorter time", maxEvents)
		}
		if done {
			if err := p.none(); err != nil {
				return nil, err
			}
			return p.out, nil
		}
	}
}

// parser goes through a document, and behind an event that is broken begins anew.
type parser struct {
	text   string
	root   string // the tag of the common element, if there is one
	from   int    // where dec began in the text,
	before int    // after so many bytes of root
	dec    *xml.Decoder
	depth  int
	out    []Event
	unread int
	first  error // of the first event that cannot be read
}

func (p *parser) restart(at int) {
	p.from, p.before, p.depth = at, len(p.root), 0
	p.dec = xml.NewDecoder(io.MultiReader(strings.NewReader(p.root), strings.NewReader(p.text[at:])))
	// The declaration may still name the encoding it had before.
	p.dec.CharsetReader = func(_ string, r io.Reader) (io.Reader, error) { return r, nil }
}

// offset is the decoder's place in the text.
func (p *parser) offset() int { return p.from + int(p.dec.InputOffset()) - p.before }

// none is an error if hardly any of the events can be read: silence would look
// as if nothing had happened.
func (p *parser) none() error {
	switch read := len(p.out) - p.unread; {
	case p.unread > 0 && read == 0:
		return p.first
	case p.unread > maxUnread && p.unread > read:
		return fmt.Errorf("%d events of %d cannot be read, the first: %w", p.unread, len(p.out), p.first)
	}
	return nil
}

func (p *parser) step() (done bool, err error) {
	before := p.offset()
	token, err := p.dec.Token()
	if errors.Is(err, io.EOF) && p.depth == 0 {
		return true, nil
	}
	if err != nil {
		return false, fmt.Errorf("the events are not whole XML: %w", err)
	}
	switch t := token.(type) {
	case xml.EndElement:
		p.depth--
	case xml.CharData:
		if text := strings.TrimSpace(string(t)); text != "" {
			return false, p.lost(fmt.Errorf("text where an event was expected: %.80q", text))
		}
	case xml.StartElement:
		if t.Name.Local == "Event" {
			return false, p.event(t, before)
		}
		if p.depth++; p.depth > 1 {
			return false, fmt.Errorf("element %.80q where an event was expected", t.Name.Local)
		}
		if p.root == "" {
			p.root = p.text[before:p.offset()]
		}
	}
	return false, nil
}

// event takes the event that begins at a place of the text.
func (p *parser) event(t xml.StartElement, at int) error {
	var raw xmlEvent
	broken := p.dec.DecodeElement(&raw, &t)
	var e Event
	err := broken
	if err == nil {
		e, err = raw.event()
	}
	if err == nil {
		p.out = append(p.out, e)
		return nil
	}
	err = fmt.Errorf("event %d: %w", len(p.out)+1, err)
	if broken != nil {
		next := behind(p.text, at)
		if next < 0 {
			return err // it is the document that ends early
		}
		p.restart(next)
	}
	return p.lost(err)
}

// lost notes what cannot be read.
func (p *parser) lost(err error) error {
	p.first = cmp.Or(p.first, err)
	p.unread++
	p.out = append(p.out, Event{Unread: err.Error()})
	return nil
}

var eventTag = regexp.MustCompile(`<(?:/Event\s*>|Event[\s>])`)

// behind is where the event ends that begins at a place, by its own end or by
// the beginning of the next one; negative if there is neither.
func behind(text string, at int) int {
	from := at + len("<Event")
	tag := eventTag.FindStringIndex(text[from:])
	if tag == nil {
		return -1
	}
	if text[from+tag[0]+1] != '/' {
		return from + tag[0]
	}
	end := strings.IndexByte(text[from+tag[0]:], '>')
	if end < 0 {
		return -1
	}
	return from + tag[0] + end + 1
}

var charReference = regexp.MustCompile(`&#(?:[0-9]+|[xX][0-9a-fA-F]+);`)

// Legal puts a replacement character for what XML does not allow, written as
// it is or by its number: programs log such characters, and Windows hands them out.
func Legal(text string) string {
	text = strings.Map(func(r rune) rune {
		if !inXML(r) {
			return utf8.RuneError
		}
		return r
	}, text)
	return charReference.ReplaceAllStringFunc(text, func(ref string) string {
		digits, base := ref[2:len(ref)-1], 10
		if digits[0] == 'x' || digits[0] == 'X' {
			digits, base = digits[1:], 16
		}
		if n, err := strconv.ParseUint(digits, base, 31); err == nil && inXML(rune(n)) {
			return ref
		}
		return string(utf8.RuneError)
	})
}

// inXML is the production Char of XML 1.0.
func inXML(r rune) bool {
	return r == '\t' || r == '\n' || r == '\r' || r >= 0x20 && r <= 0xd7ff || r >= 0xe000 && r <= 0xfffd || r >= 0x10000 && r <= 0x10ffff
}

func (x *xmlEvent) event() (Event, error) {
	s := &x.System
	e := Event{Provider: s.Provider.Name, Channel: s.Channel, Computer: s.Computer, Named: map[string]string{},
		Message: strings.TrimSpace(x.RenderingInfo.Message)}
	var err error
	if e.ID, err = strconv.Atoi(strings.TrimSpace(s.EventID)); err != nil || e.ID < 0 {
		return Event{}, fmt.Errorf("%.40q is no event id", s.EventID)
	}
	// Without an instant an event cannot be placed.
	if e.Time, err = systemTime(s.TimeCreated.SystemTime); err != nil {
		return Event{}, fmt.Errorf("%.60q is no instant", s.TimeCreated.SystemTime)
	}
	if e.Level, err = strconv.Atoi(strings.TrimSpace(s.Level)); err != nil {
		e.Level = -1 // known to nobody, so good for nothing
	}
	e.RecordID, _ = strconv.ParseUint(strings.TrimSpace(s.EventRecordID), 10, 64) // only tells two events apart
	for _, d := range x.EventData.Data {
		if strings.TrimSpace(d.Value) == "" {
			d.Value = d.Inner // elements, which Windows escapes and others put there as they are
		}
		if d.Name == "" {
			e.Data = append(e.Data, d.Value)
			continue
		}
		e.Named[strings.ToLower(d.Name)] = d.Value
	}
	e.addLeaves(x.UserData.Children)
	return e, nil
}

// systemTime reads an instant, which Windows hands out in UTC: programs that write
// it anew leave the letter away.
func systemTime(text string) (at time.Time, err error) {
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05", time.DateTime} {
		if at, err = time.Parse(layout, strings.TrimSpace(text)); err == nil {
			return at, nil
		}
	}
	return at, err
}

func (e *Event) addLeaves(nodes []node) {
	for i := range nodes {
		if len(nodes[i].Children) > 0 {
			e.addLeaves(nodes[i].Children)
			continue
		}
		e.Named[strings.ToLower(nodes[i].XMLName.Local)] = strings.TrimSpace(nodes[i].Text)
	}
}

// Text decodes what Windows programs write: UTF-8 or UTF-16, with or without
// a byte order mark. Bytes of an old code page become replacement characters.
func Text(data []byte) (string, error) {
	order := binary.ByteOrder(nil)
	switch {
	case len(data) >= 2 && data[0] == 0xff && data[1] == 0xfe:
		order, data = binary.LittleEndian, data[2:]
	case len(data) >= 2 && data[0] == 0xfe && data[1] == 0xff:
		order, data = binary.BigEndian, data[2:]
	case len(data) >= 2 && data[0] != 0 && data[1] == 0:
		order = binary.LittleEndian
	case len(data) >= 2 && data[0] == 0 && data[1] != 0:
		order = binary.BigEndian
	}
	if order == nil {
		text := strings.TrimPrefix(string(data), "\ufeff")
		if !utf8.ValidString(text) {
			text = strings.ToValidUTF8(text, "\ufffd")
		}
		return text, nil
	}
	if len(data)%2 != 0 {
		return "", errors.New("the text is UTF-16 and ends in the middle of a character")
	}
	units := make([]uint16, len(data)/2)
	for i := range units {
		units[i] = order.Uint16(data[2*i:])
	}
	return string(utf16.Decode(units)), nil
}
