package kept

import (
	"bytes"
	"strings"
	"testing"
)

// A state is read as it was written, by this build or an earlier one, and takes a
// third of its JSON at most.
func TestStatesArePacked(t *testing.T) {
	var p Packer
	for line := range bytes.SplitSeq(bytes.TrimSpace(stateDictionary), []byte("\n")) {
		text := []byte(strings.NewReplacer("SRV", "NAS", "2025", "2031", "opened", "reopened").Replace(string(line)))
		packed, err := p.Pack(text)
		if err != nil {
			t.Fatal(err)
		}
		for _, value := range [][]byte{packed, text} {
			if got, err := p.Unpack(value); err != nil || !bytes.Equal(got, text) {
				t.Fatalf("%s became %s: %v", text, got, err)
			}
		}
		if len(packed) > len(text)/3 {
			t.Errorf("%d bytes became %d", len(text), len(packed))
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

func TestStatesOfAnUnknownForm(t *testing.T) {
	var p Packer
	good, err := p.Pack([]byte(`{"id":"i1"}`))
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range map[string][]byte{"empty": {}, "of a later build": {2, 3}, "cut off": good[:len(good)-3], "another dictionary": {stateZstd, 0x28, 0xb5, 0x2f, 0xfd, 0x21, 9, 1, 0}} {
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
