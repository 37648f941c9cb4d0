package pool

import (
	"fmt"
	"math"
	"time"

	"github.com/jimeng-gateway/jimeng-gateway/store"
)

// Code says in one stable word whether a session may take an attempt now, or
// why not.
type Code string

const (
	SessionReady          Code = "ready"
	SessionBusy           Code = "busy"
	SessionHalfOpen       Code = "half_open" // its pause is over and one attempt, which runs, decides
	SessionCooling        Code = "cooling"
	SessionExhausted      Code = "exhausted"
	SessionDead           Code = "dead"
	SessionDisabled       Code = "disabled"
	UpstreamBenched       Code = "upstream_benched"
	UpstreamFull          Code = "upstream_full"
	UpstreamNotConfigured Code = "upstream_not_configured"
)

// InService reports whether the session takes attempts again without an admin.
func (c Code) InService() bool {
	return c != SessionDead && c != SessionDisabled && c != UpstreamNotConfigured
}

// Verdict is what [Judge] says of a session.
type Verdict struct {
	Code    Code
	Message string // for people; names neither the account nor the upstream
	Until   int64  // when that changes by itself, Unix milliseconds, 0 when it does not or nobody knows
	Free    int    // attempts that the session may take now
}

// Upstream is what the admission knows of an upstream.
type Upstream struct {
	store.Upstream
	Configured bool
	Limit      int // most attempts at once, 0 for as many as its sessions have slots
}

// Room is how many more attempts the upstream's own limit leaves, 0 while it is
// benched.
func (u *Upstream) Room() int {
	switch {
	case !u.Configured || u.BenchedUntil != 0:
		return 0
	case u.Limit <= 0:
		return math.MaxInt
	default:
		return max(0, u.Limit-u.Running)
	}
}

// Judge says whether the session of the upstream may take an attempt at the
// moment now, by the same rules as [Pool.Free]. What lasts longest comes first.
func Judge(s *store.Session, u *Upstream, now int64) Verdict {
	switch {
	case !u.Configured:
		return Verdict{Code: UpstreamNotConfigured, Message: "its upstream is not in the configuration"}
	case !s.Enabled:
		return Verdict{Code: SessionDisabled, Message: "an admin has disabled it"}
	case s.State == store.Dead:
		return Verdict{Code: SessionDead, Message: "its login has expired or its account is blocked"}
	case s.State == store.Exhausted && s.Until > now:
		return Verdict{Code: SessionExhausted, Until: s.Until, Message: "it is out of credits or quota; it is tried again at " + Clock(s.Until)}
	case s.State != store.Ready && s.Until > now:
		return Verdict{Code: SessionCooling, Until: s.Until, Message: "it rests until " + Clock(s.Until)}
	case s.State != store.Ready && s.Running > 0 && s.LastUsedAt > s.Until:
		return Verdict{Code: SessionHalfOpen, Message: "its pause is over and one attempt, which runs, decides whether it works again"}
	case s.Running >= s.Slots:
		return Verdict{Code: SessionBusy, Message: fmt.Sprintf("%d of its %d slots are taken", s.Running, s.Slots)}
	case u.BenchedUntil != 0:
		return Verdict{Code: UpstreamBenched, Until: max(u.BenchedUntil, now), Message: "its upstream did not answer and is asked again at " + Clock(max(u.BenchedUntil, now))}
	case u.Room() == 0:
		return Verdict{Code: UpstreamFull, Message: fmt.Sprintf("its upstream runs %d tasks, which is its limit", u.Running)}
	case s.State != store.Ready:
		return Verdict{Code: SessionReady, Free: 1, Message: "its pause is over; one attempt will decide whether it works again"}
	default:
		return Verdict{Code: SessionReady, Free: s.Slots - s.Running, Message: fmt.Sprintf("%d of its %d slots are free", s.Slots-s.Running, s.Slots)}
	}
}

// Clock writes a moment for people.
func Clock(ms int64) string { return time.UnixMilli(ms).UTC().Format("2006-01-02 15:04:05 UTC") }
