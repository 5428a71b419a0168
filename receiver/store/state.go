package store

import (
	_ "embed"
	"errors"
	"fmt"
	"sync"

	"github.com/klauspost/compress/zstd"

	"vigie/receiver/store/kept"
)

// The forms of an incident's state in its row. Earlier builds wrote plain JSON,
// which begins with a brace.
const (
	stateJSON = '{'
	stateZstd = 1 // JSON, compressed by zstd with states.dict
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

// packer compresses the states of incidents, and reads them.
type packer struct {
	once sync.Once
	err  error
	enc  *zstd.Encoder
	dec  *zstd.Decoder

	kept.Incidents
}

func (p *packer) ready() error {
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

// pack turns a state's JSON into what its row holds.
func (p *packer) pack(text []byte) ([]byte, error) {
	if err := p.ready(); err != nil {
		return nil, err
	}
	return p.enc.EncodeAll(text, append(make([]byte, 0, 64+len(text)/2), stateZstd)), nil
}

// unpack returns the JSON of a state, whichever build wrote it.
func (p *packer) unpack(value []byte) ([]byte, error) {
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

// states is pairs of incidents' ids and states, as JSON.
func (tx *statements) states(query string, args ...any) ([][2]string, error) {
	rows, err := tx.pairs(query, args...)
	if err != nil {
		return nil, err
	}
	for n := range rows {
		text, err := tx.packer.unpack([]byte(rows[n][1]))
		if err != nil {
			return nil, fmt.Errorf("incident %s: %w", rows[n][0], err)
		}
		rows[n][1] = string(text)
	}
	return rows, nil
}
