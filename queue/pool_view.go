package queue

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/jimeng-gateway/jimeng-gateway/pool"
)

// PoolView is the pool at one moment.
type PoolView struct {
	Upstreams            []UpstreamView // by name
	Sessions             []SessionVerdict
	Slots, Free, Running int // of all sessions that are in service; Running of all
	WaitingTasks         int
	WaitingKeys          int
	OldestWaiting        int64 // Unix milliseconds, 0 if no task waits
	NextSlotAt           int64 // Unix milliseconds, 0 when nobody knows
}

// UpstreamView is an upstream of the pool.
type UpstreamView struct {
	*pool.Upstream
	Models int
}

// PoolView tells how the pool stands, and why each session is not used if it is
// not. It is up to a second old.
func (q *Queue) PoolView(ctx context.Context) (*PoolView, error) {
	p, err := q.picture(ctx)
	if err != nil {
		return nil, err
	}
	v := &PoolView{Sessions: p.verdicts(nil), OldestWaiting: p.oldest}
	free := make(map[string]int)
	for _, s := range v.Sessions {
		free[s.Upstream] += s.Free
		v.Running += s.Running
		if s.Code.InService() {
			v.Slots += s.Slots
		}
	}
	for _, name := range slices.Sorted(maps.Keys(p.upstreams)) {
		u := UpstreamView{Upstream: p.upstreams[name]}
		if u.Configured {
			u.Models = len(p.settings.Upstreams[name].Driver.Models())
		}
		v.Free += min(free[name], u.Room())
		v.Upstreams = append(v.Upstreams, u)
	}
	v.Free = min(v.Free, max(0, p.room()))
	keys := make(map[string]bool)
	for _, l := range p.lanes {
		keys[l.KeyID] = true
		v.WaitingTasks += l.Queued
	}
	v.WaitingKeys = len(keys)
	v.NextSlotAt = p.nextSlot(strings.Join(slices.Sorted(maps.Keys(p.settings.Upstreams)), ","))
	return v, nil
}
