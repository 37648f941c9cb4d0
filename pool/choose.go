package pool

import (
	"cmp"
	"slices"
	"strings"

	"github.com/jimeng-gateway/jimeng-gateway/store"
)

// chooseFrom is how many of an upstream's least recently used free sessions are
// weighed at once, so that the cost of an admission does not grow with the pool.
const chooseFrom = 64

// Free is the room that the pool has at one moment, inside one transaction.
type Free struct {
	sessions map[string][]*store.Session // by upstream, in the order of choice
	room     map[string]int              // attempts that the upstream's own limit leaves
}

// Free reads the room of the named upstreams; limits says how many attempts an
// upstream may run at once, 0 for as many as its sessions have slots.
func (p *Pool) Free(tx *store.Tx, limits map[string]int) (*Free, error) {
	known, err := tx.Upstreams()
	if err != nil {
		return nil, err
	}
	free := &Free{sessions: make(map[string][]*store.Session), room: make(map[string]int)}
	for name, limit := range limits {
		u := Upstream{Configured: true, Limit: limit}
		if i := slices.IndexFunc(known, func(u *store.Upstream) bool { return u.Name == name }); i >= 0 {
			u.Upstream = *known[i]
		}
		if free.room[name] = u.Room(); free.room[name] == 0 {
			continue
		}
		sessions, err := tx.FreeSessions(name, chooseFrom)
		if err != nil {
			return nil, err
		}
		if len(sessions) > 0 {
			slices.SortStableFunc(sessions, order)
			free.sessions[name] = sessions
		}
	}
	return free, nil
}

// order is the order of choice: least recently used, then credits that expire
// first, then age.
func order(a, b *store.Session) int {
	return cmp.Or(
		cmp.Compare(a.LastUsedAt, b.LastUsedAt),
		cmp.Compare(uint64(a.CreditsExpire-1), uint64(b.CreditsExpire-1)), // 0, not known, comes last
		cmp.Compare(a.ID, b.ID),
	)
}

// Any reports whether any session is free.
func (f *Free) Any() bool { return len(f.sessions) > 0 }

// Serves reports whether a session is free for a task of the route.
func (f *Free) Serves(route string) bool {
	for name := range strings.SplitSeq(route, ",") {
		if len(f.sessions[name]) > 0 {
			return true
		}
	}
	return false
}

// Take chooses a session for a task of the route and takes one of its slots, or
// returns nil.
func (f *Free) Take(route string, now int64) *store.Session {
	var best *store.Session
	for name := range strings.SplitSeq(route, ",") {
		if list := f.sessions[name]; len(list) > 0 && (best == nil || order(list[0], best) < 0) {
			best = list[0]
		}
	}
	if best == nil {
		return nil
	}
	name := best.Upstream
	rest := f.sessions[name][1:]
	best.Running++
	best.LastUsedAt = now
	// A session that is half-open has one attempt, which decides.
	if best.State == store.Ready && best.Running < best.Slots {
		rest = append(rest, best)
	}
	if f.room[name]--; f.room[name] <= 0 || len(rest) == 0 {
		delete(f.sessions, name)
	} else {
		f.sessions[name] = rest
	}
	return best
}
