package pool

import (
	"time"

	"github.com/jimeng-gateway/jimeng-gateway/store"
	"github.com/jimeng-gateway/jimeng-gateway/upstream"
)

// Effect is what a kind of fault does.
type Effect struct {
	// Session is the state that the fault puts the session in, "" for none.
	Session store.SessionState
	// Pause is how long the session stays cooling; it doubles with every such
	// fault in a row up to MaxPause. A pause that the upstream asks for wins.
	Pause, MaxPause time.Duration
	// Failover lets another session take over, if the upstream surely did not
	// accept the attempt.
	Failover bool
	// Bench is for faults of the upstream itself: its sessions stay as they are
	// and no task is sent there for a while. The task waits, at no cost.
	Bench bool
}

// Faults is the fault table: the one place that decides what an error of an
// upstream does to the session and to the task. A kind that is not in it ends
// the task and leaves the session alone.
var Faults = map[upstream.Kind]Effect{
	upstream.Auth:           {Session: store.Dead, Failover: true},
	upstream.AccountBlocked: {Session: store.Dead, Failover: true},
	upstream.RiskControl:    {Session: store.Cooling, Pause: 30 * time.Minute, MaxPause: 12 * time.Hour, Failover: true},
	upstream.Quota:          {Session: store.Exhausted, Failover: true},
	upstream.DailyLimit:     {Session: store.Exhausted, Failover: true},
	upstream.RateLimited:    {Session: store.Cooling, Pause: 30 * time.Second, MaxPause: 10 * time.Minute, Failover: true},
	upstream.FileTransfer:   {Failover: true},
	upstream.Network:        {Bench: true},
}

// resetZone is where the day of a Jimeng account begins: daily credits come at
// midnight in China, which has no daylight saving time.
var resetZone = time.FixedZone("UTC+8", 8*60*60)

// nextReset is the next midnight in resetZone.
func nextReset(t time.Time) time.Time {
	y, m, d := t.In(resetZone).Date()
	return time.Date(y, m, d+1, 0, 0, 0, 0, resetZone)
}

// backoff doubles first with every fault in a row before this one, up to most.
func backoff(first, most time.Duration, faults int) time.Duration {
	pause := first
	for range faults {
		if pause *= 2; pause >= most {
			return most
		}
	}
	return pause
}
