package winevent

import "testing"

// A character that XML does not allow costs at most itself.
func TestIllegalCharacters(t *testing.T) {
	event := func(text string) string {
		return `<Event xmlns='http://schemas.microsoft.com/win/2004/08/events/event'><System><Provider Name='Veeam Agent'/><EventID>190</EventID><Level>4</Level><TimeCreated SystemTime='2026-03-09T10:00:00.0000000Z'/></System><EventData><Data>` + text + `</Data></EventData></Event>`
	}
	for _, text := range []string{"x\x03y", "x&#x1F;y", "x&#31;y", "x\ufffey", "x&#xFFFE;y", "x&#xD800;y", "x&#99999999999999;y"} {
		got, err := Parse([]byte("<Events>" + event(text) + event("fine") + "</Events>"))
		if err != nil || len(got) != 2 || got[0].Data[0] != "x\ufffdy" || got[1].Data[0] != "fine" {
			t.Errorf("%q: %+v %v", text, got, err)
		}
	}
}
