package imapbox

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/emersion/go-imap/v2"
)

// count is without listing: a range may be long.
func count(set imap.UIDSet) int {
	n := 0
	for _, r := range set {
		n += int(r.Stop-r.Start) + 1
	}
	return n
}

// tidy marks or moves the mails that are done with. What fails is tried again
// at the next visit.
func (v *visit) tidy(ctx context.Context) error {
	v.Box.mu.Lock()
	set := slices.Clone(v.place.Tidy)
	v.Box.mu.Unlock()
	if len(set) == 0 {
		return nil
	}
	v.conn.left.Store(chatter)
	done, err := v.put(set)
	if err != nil {
		v.target = "" // it may be gone
		return fault(ctx, Unreachable, err)
	}
	v.Box.mu.Lock()
	defer v.Box.mu.Unlock()
	v.place.Tidy = without(v.place.Tidy, done)
	return nil
}

// put gives the mails that it is done with.
func (v *visit) put(set imap.UIDSet) (imap.UIDSet, error) {
	if v.MoveTo == "" {
		return set, v.client.Store(set, &imap.StoreFlags{Op: imap.StoreFlagsAdd, Silent: true, Flags: []imap.Flag{imap.FlagSeen}}, nil).Close()
	}
	caps := v.client.Caps()
	switch {
	case caps.Has(imap.CapMove):
		_, err := v.client.Move(set, v.target).Wait()
		return set, err
	case !caps.Has(imap.CapUIDPlus):
		// Expunging would take away what others marked.
		return nil, errors.New("the server can move no single mails; write after: seen")
	}
	// The library's own way would not wait for the copy.
	copied, err := v.client.Copy(set, v.target).Wait()
	if err != nil {
		return nil, fmt.Errorf("the mails stay, since they cannot be copied to %q: %w", v.target, err)
	}
	// Some servers copy what they can and call it well done: only what they name is
	// taken away. Where none is named all stay where they are.
	named := without(set, without(set, copied.SourceUIDs))
	if len(named) == 0 {
		return set, nil
	}
	if err := v.client.Store(named, &imap.StoreFlags{Op: imap.StoreFlagsAdd, Silent: true, Flags: []imap.Flag{imap.FlagDeleted}}, nil).Close(); err != nil {
		return nil, err
	}
	return named, v.client.UIDExpunge(named).Close()
}

func without(set, minus imap.UIDSet) imap.UIDSet {
	var out imap.UIDSet
	uids, _ := set.Nums()
	for _, uid := range uids {
		if !minus.Contains(uid) {
			out.AddNum(uid)
		}
	}
	return out
}

// fetchLeft tries again what had to stay: the unsorted as long as there is
// room, and everything once after the start, since the rules may be others.
func (v *visit) fetchLeft(ctx context.Context) error {
	v.Box.mu.Lock()
	left, _ := v.place.Left.Nums()
	bad, _ := v.place.Bad.Nums()
	once := !v.again
	v.again = true
	v.Box.mu.Unlock()
	if !once {
		bad = nil
	}
	for _, uid := range append(left, bad...) {
		known, err := v.attributes([]imap.UID{uid})
		if err != nil {
			return fault(ctx, Unreachable, err)
		}
		f, there := known[uid]
		kept := true
		if there {
			kept, err = v.bring(uid, f)
		}
		if errors.Is(err, ErrFull) {
			if once {
				continue
			}
			return nil
		}
		if err != nil {
			return fault(ctx, Unreachable, err)
		}
		v.Box.mu.Lock()
		gone := imap.UIDSetNum(uid)
		v.place.Left, v.place.Bad = without(v.place.Left, gone), without(v.place.Bad, gone)
		v.Box.mu.Unlock()
		v.note(uid, kept, nil)
	}
	return nil
}
