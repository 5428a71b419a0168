package misbehave

import (
	"bytes"
	"encoding/json"
	"strings"
	"unicode"
)

// swapWords writes the words of an answer in the other case: results, states
// and kinds, whose case products change between versions.
func swapWords(body []byte) []byte {
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.UseNumber()
	var v any
	if dec.Decode(&v) != nil {
		return body
	}
	out, err := json.Marshal(swapped("", v))
	if err != nil {
		return body
	}
	return out
}

func swapped(key string, v any) any {
	switch v := v.(type) {
	case map[string]any:
		for k, e := range v {
			v[k] = swapped(k, e)
		}
	case []any:
		for i, e := range v {
			v[i] = swapped(key, e)
		}
	case string:
		switch strings.ToLower(key) {
		case "status", "state", "code", "result", "lastresult", "workload", "kind", "type", "severity", "category", "pricing_mode", "mode", "weekdays", "hoststatus":
			return strings.Map(func(r rune) rune {
				if unicode.IsUpper(r) {
					return unicode.ToLower(r)
				}
				return unicode.ToUpper(r)
			}, v)
		}
	}
	return v
}

// Names are names in every script, and those that spoil careless programs.
func Names() []string {
	return []string{
		"SRV-AD", "srv-é-à-ç-œ", "Straße", "Сервер-01", "Διακομιστής", "サーバー 1", "服务器", "서버", "خادم", "שרת", "सर्वर", "เซิร์ฟเวอร์", "сервер\u0301",
		"🖥️ backup", `quoted "name"`, `back\slash\`, "two\nlines", "tab\there", " blanks around ", "{brace}=\"x\",", "a,b;c|d", "<b>&amp;</b>", "%s%d%n", "../../etc/passwd",
		"'; DROP TABLE jobs; --", "\u202Ereversed", "zero\u200bwidth", "NULL", "0", strings.Repeat("long-é-", 60),
	}
}
