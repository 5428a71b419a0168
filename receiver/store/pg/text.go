package pg

import (
	"reflect"
	"strconv"
	"strings"
	"sync"
)

// Bindings turn the store's statements, which count nothing, into those of the
// server, which number their parameters.
type Bindings struct{ known sync.Map }

// Text is the server's form of a statement.
func (b *Bindings) Text(text string) string {
	if t, ok := b.known.Load(text); ok {
		return t.(string)
	}
	var out strings.Builder
	n := 0
	for part := range strings.SplitSeq(text, "?") {
		if n > 0 {
			out.WriteString("$" + strconv.Itoa(n))
		}
		out.WriteString(part)
		n++
	}
	b.known.Store(text, out.String())
	return out.String()
}

// Values are arguments as both databases understand them: flags are numbers, and
// text holds no zero byte, which the server does not take.
func Values(args []any) []any {
	for i, a := range args {
		switch v := a.(type) {
		case string:
			args[i] = Clean(v)
		case bool:
			args[i] = int64(0)
			if v {
				args[i] = int64(1)
			}
		case int:
			args[i] = int64(v)
		case nil, int64, []byte:
		default:
			switch r := reflect.ValueOf(a); r.Kind() {
			case reflect.String:
				args[i] = Clean(r.String())
			case reflect.Slice:
				args[i] = r.Bytes()
			}
		}
	}
	return args
}

// Clean replaces in a text what no text holds.
func Clean(text string) string {
	if strings.IndexByte(text, 0) >= 0 {
		text = strings.ReplaceAll(text, "\x00", "\uFFFD")
	}
	return strings.ToValidUTF8(text, "\uFFFD")
}
