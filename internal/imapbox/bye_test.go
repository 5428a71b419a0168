package imapbox

import (
	"errors"
	"strings"
	"testing"
)

// A goodbye and the end of the connection behind it come at once, and the library tells
// either of them.
func TestGoodbyeInPlaceOfTheGreeting(t *testing.T) {
	v := &visit{}
	if _, err := v.last.Write([]byte("* BYE internal error\r\n")); err != nil {
		t.Fatal(err)
	}
	err := v.greetingFault(t.Context(), errors.New("connection closed before greeting"))
	var e *Error
	if !errors.As(err, &e) || e.Reason != Server || !strings.Contains(err.Error(), "internal error") {
		t.Errorf("got %v", err)
	}
}
