package pool

import (
	"context"
	"time"

	"github.com/jimeng-gateway/jimeng-gateway/store"
)

// DefaultPause is how long a session rests that an admin cools without saying how long.
const DefaultPause = 10 * time.Minute

// Cool takes a session out of service for a while; what runs on it goes on. As after
// any pause, one attempt decides then whether it works. It returns [ErrOutOfService]
// for a session that is disabled or dead: the end of the pause would revive it.
func (p *Pool) Cool(ctx context.Context, id string, pause time.Duration, reason string) (*store.Session, error) {
	if pause <= 0 {
		pause = DefaultPause
	}
	if reason == "" {
		reason = "an admin has paused it"
	}
	return p.update(ctx, "session.cool", id, func(tx *store.Tx, s *store.Session) error {
		if !s.Enabled || s.State == store.Dead {
			return ErrOutOfService
		}
		s.State, s.Until, s.Reason = store.Cooling, until(tx.Now, pause), reason
		return nil
	})
}

// BringBack ends the pause of a session, or takes a dead one back. Where a fault was
// the cause one attempt decides whether it works, and the pauses go on growing if it
// does not; where none was, such as after [Pool.Cool], the session is ready. It
// returns [ErrOutOfService] for a session that is disabled: enabling it is another
// decision.
func (p *Pool) BringBack(ctx context.Context, id string) (*store.Session, error) {
	return p.update(ctx, "session.bring_back", id, func(tx *store.Tx, s *store.Session) error {
		switch {
		case !s.Enabled:
			return ErrOutOfService
		case s.State == store.Dead:
			s.State, s.Until, s.Faults = store.Cooling, tx.Now-1, max(1, s.Faults)
		case s.State == store.Cooling && s.Faults == 0:
			p.revived(s)
		case s.State != store.Ready:
			s.Until = min(s.Until, tx.Now-1) // over, also in this millisecond
		}
		return nil
	})
}
