package kept

import (
	_ "embed"
	"errors"
	"fmt"
	"sync"

	"github.com/klauspost/compress/zstd"
)

// The forms of an incident's state in its row. Earlier builds wrote plain JSON,
// which begins with a brace.
const (
	stateJSON = '{'
	stateZstd = 1 // JSON, compressed by zstd with state.dict
)

// stateDictionary holds what the states of incidents have in common: states of
// the shipped examples. A form's dictionary never changes; another one is
// another form.
//
//go:embed state.dict
var stateDictionary []byte

const (
	dictionaryID = 1
	// stateWindow is how far back repetitions are looked for. A state of one alert
	// has some 2 kB.
	stateWindow = 1 << 16
	maxState    = 1 << 30
)

// Packer compresses the states of incidents, and reads them. The zero value is ready.
type Packer struct {
	once sync.Once
	err  error
	enc  *zstd.Encoder
	dec  *zstd.Decoder

	Incidents
}

func (p *Packer) ready() error {
	p.once.Do(func() {
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
	return p.enc.EncodeAll(text, append(make([]byte, 0, 64+len(text)/2), stateZstd)), nil
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
	}
	return nil, fmt.Errorf("form %d is not known: a newer vigie wrote it", value[0])
}
