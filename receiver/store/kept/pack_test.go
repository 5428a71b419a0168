package kept

import (
	"bytes"
	"encoding/hex"
	"strings"
	"testing"
)

// A state is read as it was written, by this build or an earlier one, and takes a
// third of its JSON at most.
func TestStatesArePacked(t *testing.T) {
	for _, p := range []*Packer{{}, {Shared: true}} {
		form := byte(stateS2)
		if p.Shared {
			form = stateZstd
		}
		for line := range bytes.SplitSeq(bytes.TrimSpace(stateDictionary), []byte("\n")) {
			text := []byte(strings.NewReplacer("SRV", "NAS", "2025", "2031", "opened", "reopened").Replace(string(line)))
			packed, err := p.Pack(text)
			if err != nil {
				t.Fatal(err)
			}
			for _, value := range [][]byte{packed, text} {
				if got, err := new(Packer).Unpack(value); err != nil || !bytes.Equal(got, text) {
					t.Fatalf("%s became %s: %v", text, got, err)
				}
			}
			if packed[0] != form || len(packed) > len(text)/3 {
				t.Errorf("%d bytes became %d of form %d", len(text), len(packed), packed[0])
			}
		}
		long := []byte("{" + strings.Repeat(`"alert":"of many",`, 100_000) + "}")
		packed, err := p.Pack(long)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := p.Unpack(packed); err != nil || !bytes.Equal(got, long) {
			t.Errorf("%d bytes became %d: %v", len(long), len(got), err)
		}
	}
}

// What is told takes a fifth of its JSON at most, and is read as it was written;
// of what was erased nothing is left. Earlier builds may read along on a server.
func TestMailsArePacked(t *testing.T) {
	for line := range bytes.SplitSeq(bytes.TrimSpace(mailDictionary), []byte("\n")) {
		text := []byte(strings.NewReplacer("SRV", "NAS", "2026", "2031", "Sophie", "Sonia").Replace(string(line)))
		packed, err := new(Packer).PackMail(text)
		if err != nil {
			t.Fatal(err)
		}
		for _, value := range [][]byte{packed, text} {
			if got, err := new(Packer).UnpackMail(value); err != nil || !bytes.Equal(got, text) {
				t.Fatalf("%s became %s: %v", text, got, err)
			}
		}
		if packed[0] != mailS2 || len(packed) > len(text)/5 {
			t.Errorf("%d bytes became %d of form %d", len(text), len(packed), packed[0])
		}
		if plain, err := (&Packer{Shared: true}).PackMail(text); err != nil || !bytes.Equal(plain, text) {
			t.Errorf("on a server it is %q: %v", plain, err)
		}
	}
	if got, err := new(Packer).UnpackMail(nil); err != nil || len(got) > 0 {
		t.Errorf("what was erased is read as %q: %v", got, err)
	}
}

// The dictionaries are a part of the form: a state that was written once is read by
// every later build.
func TestAFormStaysReadable(t *testing.T) {
	const text = `{"id":"i7","key":"{customer=\"dupont\",machine=\"SRV-AD\"}","scenario":"server","state":"open"}`
	for _, value := range []string{
		"025f11000037f986b1024e5113005c1a8f160c5c227d22561c07c145110004227d",
		"035f11000037269b771e5d75543d5c226475706f6e745c222c6d616368696e653d5c2216c215085c227d2a2a7024223a22736572766572220ea27411000c656e227d",
		"0128b52ffd01000115010010377d0900c4e40395850592cb0620ede9405dce405b90837399408e795f8e440e02",
	} {
		packed, err := hex.DecodeString(value)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := new(Packer).Unpack(packed); err != nil || string(got) != text {
			t.Errorf("%s is read as %q: %v", value, got, err)
		}
	}
}

func TestStatesOfAnUnknownForm(t *testing.T) {
	var p Packer
	good, err := p.Pack([]byte(`{"id":"i1"}`))
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range map[string][]byte{"empty": {}, "of a later build": {3, 3}, "cut off": good[:len(good)-3], "too large": {stateS2, 0xff, 0xff, 0xff, 0xff, 0x0f}, "another dictionary": {stateZstd, 0x28, 0xb5, 0x2f, 0xfd, 0x21, 9, 1, 0}} {
		if got, err := p.Unpack(value); err == nil {
			t.Errorf("%s: read as %q", name, got)
		}
	}
}

func FuzzUnpack(f *testing.F) {
	var p Packer
	good, err := p.Pack([]byte(`{"id":"i1","state":"open"}`))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	older, err := (&Packer{Shared: true}).Pack([]byte(`{"id":"i1","state":"open"}`))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(older)
	f.Add([]byte(`{"id":"i1"}`))
	f.Fuzz(func(t *testing.T, value []byte) {
		if got, err := p.Unpack(value); err == nil && len(got) > maxState {
			t.Errorf("%d bytes", len(got))
		}
	})
}

func BenchmarkPack(b *testing.B) {
	var p Packer
	text := bytes.Replace(bytes.Split(stateDictionary, []byte("\n"))[3], []byte("SRV"), []byte("NAS"), -1)
	for b.Loop() {
		packed, err := p.Pack(text)
		if err == nil {
			_, err = p.Unpack(packed)
		}
		if err != nil {
			b.Fatal(err)
		}
	}
}
