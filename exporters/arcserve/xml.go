package arcserve

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"

	"vigie/exporters/winevent"
)

// The bounds of a document. Entities that are not HTML's are an error of the
// decoder, so that nothing expands.
const (
	maxDepth    = 64
	maxElements = 5_000_000
)

// element is an element whose end was reached.
type element struct {
	name  string // without namespace
	depth int    // 1 is the root
	attrs []xml.Attr
	text  string // trimmed; empty for elements with children
	leaf  bool
	raw   []byte
	// fields are the texts of the children that are leaves, by lower-case name;
	// of several with one name the first.
	fields map[string]string
}

// walk reads a document in UTF-8 or UTF-16 to its end. Open is called at the
// start of each element, closed at its end; both may be nil.
func walk(data []byte, open func(name string, depth int, attrs []xml.Attr) error, closed func(*element) error) error {
	text, err := winevent.Text(data)
	if err != nil {
		return err
	}
	dec := xml.NewDecoder(strings.NewReader(winevent.Legal(text)))
	dec.Entity = xml.HTMLEntity
	// The declaration may still name the encoding it had before.
	dec.CharsetReader = func(_ string, r io.Reader) (io.Reader, error) { return r, nil }
	var stack []*element
	roots, elements := 0, 0
	for {
		token, err := dec.Token()
		if errors.Is(err, io.EOF) && len(stack) == 0 && roots == 1 {
			return nil
		}
		if errors.Is(err, io.EOF) && roots == 0 {
			return errors.New("the document is empty")
		}
		if err != nil {
			return fmt.Errorf("not whole XML: %w", err)
		}
		switch t := token.(type) {
		case xml.StartElement:
			if elements++; len(stack) == 0 {
				roots++
			}
			if len(stack) >= maxDepth || elements > maxElements || roots > 1 {
				return errors.New("the document is nested too deeply, too large, or more than one")
			}
			if n := len(stack); n > 0 {
				stack[n-1].leaf, stack[n-1].raw = false, nil
			}
			stack = append(stack, &element{name: t.Name.Local, depth: len(stack) + 1, attrs: t.Attr, leaf: true})
			if open != nil {
				if err := open(t.Name.Local, len(stack), t.Attr); err != nil {
					return err
				}
			}
		case xml.CharData:
			if n := len(stack); n > 0 && stack[n-1].leaf {
				stack[n-1].raw = append(stack[n-1].raw, t...)
			} else if n == 0 && strings.TrimSpace(string(t)) != "" {
				return errors.New("text outside of the document")
			}
		case xml.EndElement:
			n := len(stack) - 1
			e := stack[n]
			if e.leaf {
				e.text = strings.TrimSpace(string(e.raw))
			}
			stack = stack[:n]
			if n > 0 && e.leaf {
				stack[n-1].note(e)
			}
			if closed != nil {
				if err := closed(e); err != nil {
					return err
				}
			}
		}
	}
}

func (e *element) note(child *element) {
	if e.fields == nil {
		e.fields = map[string]string{}
	}
	key := strings.ToLower(child.name)
	if _, there := e.fields[key]; !there {
		e.fields[key] = child.text
	}
}
