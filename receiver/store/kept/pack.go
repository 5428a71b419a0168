package kept

import (
	"bytes"
	_ "embed"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/klauspost/compress/s2"
	"github.com/klauspost/compress/zstd"
)

// The forms of what rows keep as JSON. Earlier builds wrote it as it is, so that it
// begins with a brace.
const (
	stateJSON = '{'
	stateZstd = 1 // a state, compressed by zstd with state.dict
	stateS2   = 2 // a state, compressed by S2 with state.dict and later.dict
	mailS2    = 3 // a message or a notification, compressed by S2 with mail.dict
)

// The dictionaries hold what the states of incidents have in common: states of
// the shipped examples, and as the shipped alerting rules lead to them; and what
// notifications and mails have, in both languages. A form's dictionary never
// changes; another one is another form.
var (
	//go:embed state.dict
	stateDictionary []byte
	//go:embed later.dict
	laterDictionary []byte
	//go:embed mail.dict
	mailDictionary []byte
)

const (
	dictionaryID = 1
	// stateWindow is how far back repetitions are looked for. A state of one alert
	// has some 2 kB.
	stateWindow = 1 << 16
	maxState    = 1 << 30
)

// Packer compresses the states of incidents, and what is told of them, and reads
// both. The zero value is ready. S2 takes a tenth of the time of zstd, which sets its tables back for each
// state, however small.
type Packer struct {
	// Shared is that earlier builds may read what is written. They know zstd only, and
	// of messages nothing but JSON, which the server compresses by itself.
	Shared bool

	once        sync.Once
	err         error
	state, mail *s2.Dict
	enc         *zstd.Encoder
	dec         *zstd.Decoder

	Incidents
}

func (p *Packer) ready() error {
	p.once.Do(func() {
		// A state begins as the first of the later ones does.
		p.state = s2.MakeDictManual(slices.Concat(stateDictionary, laterDictionary), uint16(len(stateDictionary)))
		p.mail = s2.MakeDictManual(mailDictionary, 0)
		p.enc, p.err = zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1), zstd.WithEncoderCRC(false),
			zstd.WithWindowSize(stateWindow), zstd.WithLowerEncoderMem(true), zstd.WithEncoderDictRaw(dictionaryID, stateDictionary))
		if p.err != nil {
			return
		}
		p.dec, p.err = zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxMemory(maxState),
			zstd.WithDecoderDictRaw(dictionaryID, stateDictionary))
	})
	return p.err
}

// Pack turns a state's JSON into what its row holds.
func (p *Packer) Pack(text []byte) ([]byte, error) {
	if err := p.ready(); err != nil {
		return nil, err
	}
	if p.Shared {
		return p.enc.EncodeAll(text, append(make([]byte, 0, 64+len(text)/2), stateZstd)), nil
	}
	return packed(p.state, stateS2, text)
}

// PackMail turns the JSON of a message, or of a notification, into what its row holds.
func (p *Packer) PackMail(text []byte) ([]byte, error) {
	if p.Shared {
		return text, nil
	}
	if err := p.ready(); err != nil {
		return nil, err
	}
	return packed(p.mail, mailS2, text)
}

func packed(d *s2.Dict, form byte, text []byte) ([]byte, error) {
	most := s2.MaxEncodedLen(len(text))
	if most < 0 || len(text) > maxState {
		return nil, fmt.Errorf("%d bytes are too many for a row", len(text))
	}
	b := rooms.Get().(*[]byte)
	defer rooms.Put(b)
	*b = slices.Grow((*b)[:0], 1+most)
	room := (*b)[:1+most]
	room[0] = form
	return bytes.Clone(room[:1+len(d.Encode(room[1:], text))]), nil
}

// rooms are what is compressed into, used again: a value needs a fifth of the room
// that it might.
var rooms = sync.Pool{New: func() any { return new([]byte) }}

// UnpackMail returns the JSON of a message or of a notification, whichever build wrote
// it; of one that was erased nothing is left.
func (p *Packer) UnpackMail(value []byte) ([]byte, error) {
	if len(value) == 0 {
		return nil, nil
	}
	return p.Unpack(value)
}

// Unpack returns the JSON that a row holds, whichever build wrote it.
func (p *Packer) Unpack(value []byte) ([]byte, error) {
	if len(value) == 0 {
		return nil, errors.New("it is empty")
	}
	if value[0] == stateJSON {
		return value, nil
	}
	if err := p.ready(); err != nil {
		return nil, err
	}
	switch value[0] {
	case stateZstd:
		return p.dec.DecodeAll(value[1:], nil)
	case stateS2:
		return unpacked(p.state, value[1:])
	case mailS2:
		return unpacked(p.mail, value[1:])
	}
	return nil, fmt.Errorf("form %d is not known: a newer vigie wrote it", value[0])
}

func unpacked(d *s2.Dict, block []byte) ([]byte, error) {
	if n, err := s2.DecodedLen(block); err != nil || n > maxState {
		return nil, s2.ErrCorrupt
	}
	return d.Decode(nil, block)
}
