package store

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"regexp"

	"go.uber.org/zap"
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
// before and after; of what has changed, only the members that differ are written.
// Neither may hold a secret.
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

// looksSecret finds what may be an API key or the id of an account, should somebody
// have put it where an id belongs.
var looksSecret = regexp.MustCompile(`\b(?:gw_)?[0-9a-f]{32}\b`)

func masked(text string) string { return looksSecret.ReplaceAllString(clean(text), "••••") }

func (t *Tx) audit(a *Actor, act Act, result string) error {
	was, became, err := difference(act.Was, act.Became)
	if err != nil {
		return fmt.Errorf("write audit log: %w", err)
	}
	_, err = t.Exec(`INSERT INTO audit (id, at, actor_kind, actor_id, actor_name, address, request_id, action, target_kind, target_id,
		was, became, result) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)`,
		NewID(""), t.Now, a.Kind, a.ID, clean(a.Name), clean(a.Address), clean(a.RequestID), act.Action, act.TargetKind, masked(act.TargetID),
		was, became, result)
	if err != nil {
		return fmt.Errorf("write audit log: %w", err)
	}
	t.pending.audited = append(t.pending.audited, []zap.Field{
		zap.String("action", act.Action), zap.String("target_kind", act.TargetKind), zap.String("target", masked(act.TargetID)),
		zap.String("actor_kind", a.Kind), zap.String("actor", a.ID), zap.String("actor_name", clean(a.Name)),
		zap.String("address", a.Address), zap.String("request_id", a.RequestID), zap.String("result", result),
	})
	return nil
}

// difference writes what was and what became of it as JSON objects, without the
// members that both have alike.
func difference(was, became any) (before, after string, err error) {
	old, err := members(was)
	if err != nil {
		return "", "", err
	}
	made, err := members(became)
	if err != nil {
		return "", "", err
	}
	for name, value := range old {
		if bytes.Equal(value, made[name]) {
			delete(old, name)
			delete(made, name)
		}
	}
	if before, err = membersText(old); err != nil {
		return "", "", err
	}
	after, err = membersText(made)
	return before, after, err
}

func members(of any) (m map[string]json.RawMessage, err error) {
	if of == nil {
		return nil, nil
	}
	text, err := json.Marshal(of)
	if err != nil {
		return nil, err
	}
	return m, json.Unmarshal(text, &m)
}

func membersText(m map[string]json.RawMessage) (string, error) {
	if len(m) == 0 {
		return "", nil
	}
	text, err := json.Marshal(m)
	return masked(string(text)), err
}
