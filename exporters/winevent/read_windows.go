package winevent

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/windows"
)

// Flags of the event log's interface.
const (
	queryChannel    = 0x1   // EvtQueryChannelPath
	queryForward    = 0x100 // EvtQueryForwardDirection
	renderXML       = 1     // EvtRenderEventXml
	formatXML       = 9     // EvtFormatMessageXml
	nextMillisecond = 10_000
)

// wevtapi is Windows's interface to its event logs, found when it is needed.
type wevtapi struct {
	evtQuery, evtNext, evtRender, evtClose, evtOpenPublisherMetadata, evtFormatMessage *windows.LazyProc
}

func newWevtapi() (*wevtapi, error) {
	dll := windows.NewLazySystemDLL("wevtapi.dll")
	w := &wevtapi{dll.NewProc("EvtQuery"), dll.NewProc("EvtNext"), dll.NewProc("EvtRender"), dll.NewProc("EvtClose"),
		dll.NewProc("EvtOpenPublisherMetadata"), dll.NewProc("EvtFormatMessage")}
	for _, p := range []*windows.LazyProc{w.evtQuery, w.evtNext, w.evtRender, w.evtClose, w.evtOpenPublisherMetadata, w.evtFormatMessage} {
		if err := p.Find(); err != nil {
			return nil, fmt.Errorf("the event logs of Windows cannot be read: %w", err)
		}
	}
	return w, nil
}

// NewReader reads this machine's logs. Timeout bounds each query.
func NewReader(timeout time.Duration) (Reader, error) {
	api, err := newWevtapi()
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context, q Query) ([]Event, error) {
		w := &session{wevtapi: api, providers: map[string]handle{}}
		defer w.end()
		return read(ctx, w, q, timeout)
	}, nil
}

// session is one reading: it keeps the providers open whose texts it needs.
type session struct {
	*wevtapi
	providers map[string]handle
}

func (w *session) end() {
	for _, h := range w.providers {
		w.close(h)
	}
}

// code gives what a call left behind when it failed.
func code(err error) error {
	var no syscall.Errno
	if errors.As(err, &no) && no != 0 {
		return winError(no)
	}
	return winError(windows.ERROR_GEN_FAILURE)
}

func (w *session) query(channel, path string) (handle, error) {
	c, err := windows.UTF16PtrFromString(channel)
	if err != nil {
		return 0, err
	}
	p, err := windows.UTF16PtrFromString(path)
	if err != nil {
		return 0, err
	}
	h, _, err := w.evtQuery.Call(0, uintptr(unsafe.Pointer(c)), uintptr(unsafe.Pointer(p)), queryChannel|queryForward)
	if h == 0 {
		return 0, code(err)
	}
	return handle(h), nil
}

func (w *session) next(events handle, into []handle) (int, error) {
	var returned uint32
	ok, _, err := w.evtNext.Call(uintptr(events), uintptr(len(into)), uintptr(unsafe.Pointer(&into[0])), nextMillisecond, 0, uintptr(unsafe.Pointer(&returned)))
	if ok == 0 {
		if e := code(err); !errors.Is(e, errNoMoreItems) {
			return 0, e
		}
		return 0, nil
	}
	return int(returned), nil
}

// render counts in bytes.
func (w *session) render(event handle, into []uint16) (int, error) {
	var used, properties uint32
	ok, _, err := w.evtRender.Call(0, uintptr(event), renderXML, uintptr(2*len(into)), uintptr(unsafe.Pointer(&into[0])),
		uintptr(unsafe.Pointer(&used)), uintptr(unsafe.Pointer(&properties)))
	if ok == 0 {
		if e := code(err); !errors.Is(e, errBufferTooSmall) {
			return 0, e
		}
	}
	return int(used+1) / 2, nil
}

// describe counts in characters.
func (w *session) describe(event handle, provider string, into []uint16) (int, error) {
	metadata, err := w.provider(provider)
	if err != nil {
		return 0, err
	}
	var used uint32
	ok, _, err := w.evtFormatMessage.Call(uintptr(metadata), uintptr(event), 0, 0, 0, formatXML, uintptr(len(into)), uintptr(unsafe.Pointer(&into[0])),
		uintptr(unsafe.Pointer(&used)))
	if ok == 0 {
		if e := code(err); !errors.Is(e, errBufferTooSmall) {
			return 0, e
		}
	}
	return int(used), nil
}

func (w *session) provider(name string) (handle, error) {
	if h, known := w.providers[name]; known {
		return h, nil
	}
	n, err := windows.UTF16PtrFromString(name)
	if err != nil {
		return 0, err
	}
	h, _, err := w.evtOpenPublisherMetadata.Call(0, uintptr(unsafe.Pointer(n)), 0, 0, 0)
	if h == 0 {
		return 0, code(err)
	}
	w.providers[name] = handle(h)
	return handle(h), nil
}

func (w *session) close(h handle) { _, _, _ = w.evtClose.Call(uintptr(h)) }

// SystemProgram gives the full path of a program in the system's folder.
func SystemProgram(elements ...string) (string, error) {
	dir, err := windows.GetSystemDirectory()
	if err != nil {
		return "", fmt.Errorf("the system's folder is not known: %w", err)
	}
	return filepath.Join(append([]string{dir}, elements...)...), nil
}
