package store

import (
	"context"
	"encoding/json"
	"fmt"
)

// Actor is who changes something, as the audit log names them.
type Actor struct {
	Kind      string // "key" or "person"
	ID        string // of the key, or of the person
	Name      string // for people
	Address   string // that the request came from
	RequestID string // also in the logs
}

type actorKey struct{}

// WithActor returns a context whose writes are the actor's: what they note with
// [Tx.Audit] goes into the audit log. Writes without an actor leave no trace there.
func WithActor(ctx context.Context, a *Actor) context.Context {
	return context.WithValue(ctx, actorKey{}, a)
}

func actorOf(ctx context.Context) *Actor {
	a, _ := ctx.Value(actorKey{}).(*Actor)
	return a
}

// Act is one line of the audit log: what was done, on what, and what that was
// before and after. Neither may hold a secret.
type Act struct {
	Action     string // as in "key.create"
	TargetKind string // "key", "session", "task"…
	TargetID   string
	Was        any // written as JSON, nil for nothing
	Became     any
}

// Audit writes an act into the audit log, together with the change that it was,
// if the write has an actor.
func (t *Tx) Audit(act Act) error {
	if t.actor == nil {
		return nil
	}
	return t.audit(t.actor, act, "ok")
}

// Refused writes into the audit log that the context's actor, if there is one,
// wanted a change and did not get it. The result is the code of the error.
func (s *Store) Refused(ctx context.Context, act Act, result string) error {
	actor := actorOf(ctx)
	if actor == nil {
		return nil
	}
	return s.Write(ctx, Relaxed, func(tx *Tx) error { return tx.audit(actor, act, result) })
}

func (t *Tx) audit(a *Actor, act Act, result string) error {
	was, err := auditJSON(act.Was)
	if err != nil {
		return err
	}
	became, err := auditJSON(act.Became)
	if err != nil {
		return err
	}
	_, err = t.Exec(`INSERT INTO audit (id, at, actor_kind, actor_id, actor_name, address, request_id, action, target_kind, target_id,
		was, became, result) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)`,
		NewID(""), t.Now, a.Kind, a.ID, clean(a.Name), clean(a.Address), clean(a.RequestID), act.Action, act.TargetKind, clean(act.TargetID),
		was, became, result)
	if err != nil {
		return fmt.Errorf("write audit log: %w", err)
	}
	return nil
}

func auditJSON(v any) (string, error) {
	if v == nil {
		return "", nil
	}
	text, err := json.Marshal(v)
	if err != nil {
		return "", fmt.Errorf("write audit log: %w", err)
	}
	return clean(string(text)), nil
}
