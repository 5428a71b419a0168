package kept

import (
	_ "embed"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/klauspost/compress/s2"
	"github.com/klauspost/compress/zstd"
)

// The forms of an incident's state in its row. Earlier builds wrote plain JSON,
// which begins with a brace.
const (
	stateJSON = '{'
	stateZstd = 1 // JSON, compressed by zstd with state.dict
	stateS2   = 2 // JSON, compressed by S2 with both dictionaries
)

// The dictionaries hold what the states of incidents have in common: states of
// the shipped examples, and as the shipped alerting rules lead to them. A form's
// dictionary never changes; another one is another form.
var (
	//go:embed state.dict
	stateDictionary []byte
	//go:embed later.dict
	laterDictionary []byte
)

const (
	dictionaryID = 1
	// stateWindow is how far back repetitions are looked for. A state of one alert
	// has some 2 kB.
	stateWindow = 1 << 16
	maxState    = 1 << 30
)

// Packer compresses the states of incidents, and reads them. The zero value is
// ready. S2 takes a tenth of the time of zstd, which sets its tables back for each
// state, however small.
type Packer struct {
	// Shared is that earlier builds may read what is written, which know zstd only.
	Shared bool

	once sync.Once
	err  error
	s2   *s2.Dict
	enc  *zstd.Encoder
	dec  *zstd.Decoder

	Incidents
}

func (p *Packer) ready() error {
	p.once.Do(func() {
		// A state begins as the first of the later ones does.
		p.s2 = s2.MakeDictManual(slices.Concat(stateDictionary, laterDictionary), uint16(len(stateDictionary)))
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
	most := s2.MaxEncodedLen(len(text))
	if most < 0 || len(text) > maxState {
		return nil, fmt.Errorf("a state of %d bytes is too large", len(text))
	}
	value := make([]byte, 1+most)
	value[0] = stateS2
	return value[:1+len(p.s2.Encode(value[1:], text))], nil
}

// Unpack returns the JSON of a state, whichever build wrote it.
func (p *Packer) Unpack(value []byte) ([]byte, error) {
	if len(value) == 0 {
		return nil, errors.New("it is empty")
	}
	switch value[0] {
	case stateJSON:
		return value, nil
	case stateZstd:
		if err := p.ready(); err != nil {
			return nil, err
		}
		return p.dec.DecodeAll(value[1:], nil)
	case stateS2:
		if err := p.ready(); err != nil {
			return nil, err
		}
		if n, err := s2.DecodedLen(value[1:]); err != nil || n > maxState {
			return nil, fmt.Errorf("it says that it is of %d bytes: %w", n, s2.ErrCorrupt)
		}
		return p.s2.Decode(nil, value[1:])
	}
	return nil, fmt.Errorf("form %d is not known: a newer vigie wrote it", value[0])
}
