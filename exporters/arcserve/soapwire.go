package arcserve

import (
	"encoding/xml"
	"errors"
	"fmt"
	"strings"
)

// operation gives the one element in the body of an envelope.
func operation(document []byte) (string, error) {
	op, count := "", 0
	err := walk(document, inEnvelope(func(name string, depth int) {
		if depth == 3 {
			op = name
			count++
		}
	}), nil)
	if err == nil && count != 1 {
		err = errors.New("the envelope does not hold one operation")
	}
	if err != nil {
		return "", err
	}
	return op, nil
}

// inEnvelope calls see for the elements in the body, and refuses documents
// that are no envelopes. Namespaces are not compared: they are not known.
func inEnvelope(see func(name string, depth int)) func(string, int, []xml.Attr) error {
	body := false
	return func(name string, depth int, _ []xml.Attr) error {
		switch {
		case depth == 1 && strings.EqualFold(name, "html"):
			return errors.New("the answer is HTML instead of an envelope")
		case depth == 1 && name != "Envelope":
			return fmt.Errorf("%.40q where an envelope was expected", name)
		case depth == 2:
			body = name == "Body"
		case depth > 2 && body:
			see(name, depth)
		}
		return nil
	}
}

// answerTo checks that a document is the answer to an operation: its element
// begins with the operation's name.
func answerTo(op string, document []byte) error {
	name, err := operation(document)
	if err == nil && !strings.HasPrefix(strings.ToLower(name), strings.ToLower(op)) {
		err = fmt.Errorf("%.40q where the answer to %s was expected", name, op)
	}
	return err
}

// faultIn gives the fault that a document holds, nil if it holds none.
func faultIn(document []byte) error {
	if name, err := operation(document); err != nil || name != "Fault" {
		return nil
	}
	f := &fault{text: "without an explanation"}
	_ = walk(document, nil, func(e *element) error {
		if e.leaf && e.text != "" && (e.name == "faultstring" || e.name == "Text") {
			f.text = fmt.Sprintf("%.200q", e.text)
		}
		return nil
	})
	return f
}

// answer is that to getJobHistoryList.
type answer struct {
	records []map[string]string // keys in lower case
	lost    int                 // records without a type or a status
}

// parseHistory reads the records of an answer to getJobHistoryList: the
// elements, wherever they stand, that hold a job's type and status. One that has
// only one of the two is lost, and costs the others nothing.
func parseHistory(document []byte, limit int) (answer, error) {
	var out answer
	if err := answerTo(opHistory, document); err != nil {
		return out, err
	}
	err := walk(document, nil, func(e *element) error {
		_, hasType := e.fields["jobtype"]
		_, hasStatus := e.fields["jobstatus"]
		switch {
		case !hasType && !hasStatus:
			return nil
		case !hasType || !hasStatus:
			out.lost++
		default:
			out.records = append(out.records, e.fields)
		}
		if len(out.records)+out.lost > limit {
			return fmt.Errorf("more than %d jobs; raise max_rows if the console has that many", limit)
		}
		return nil
	})
	if err == nil && out.lost > 0 && len(out.records) == 0 {
		err = errors.New("no job has both a type and a status")
	}
	return out, err
}
