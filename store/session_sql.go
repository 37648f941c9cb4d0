package store

import (
	"context"
	"encoding/base64"
	"fmt"
)

const sessionColumns = `id, upstream, label, secret, hint, fingerprint, slots, running, enabled, state, until, reason, faults,
	credits, credits_expire, succeeded, failed, created_at, updated_at, last_used_at, probed_at`

func scanSession(r row) (*Session, error) {
	var s Session
	var secret string
	err := r.Scan(&s.ID, &s.Upstream, &s.Label, &secret, &s.Hint, &s.Fingerprint, &s.Slots, &s.Running, &s.Enabled, &s.State,
		&s.Until, &s.Reason, &s.Faults, &s.Credits, &s.CreditsExpire, &s.Succeeded, &s.Failed, &s.CreatedAt, &s.UpdatedAt,
		&s.LastUsedAt, &s.ProbedAt)
	if err != nil {
		return nil, found(err)
	}
	s.Secret, err = base64.StdEncoding.DecodeString(secret)
	return &s, err
}

// Sessions lists all sessions, oldest first.
func (s *Store) Sessions(ctx context.Context) ([]*Session, error) {
	rows, err := s.readers.QueryContext(ctx, "SELECT "+sessionColumns+" FROM sessions ORDER BY id")
	sessions, err := collect(rows, err, scanSession)
	if err != nil {
		return nil, fmt.Errorf("list sessions: %w", err)
	}
	return sessions, nil
}

// Session returns one session.
func (s *Store) Session(ctx context.Context, id string) (*Session, error) {
	session, err := scanSession(s.readers.QueryRowContext(ctx, "SELECT "+sessionColumns+" FROM sessions WHERE id = $1", id))
	if err != nil {
		return nil, fmt.Errorf("read session: %w", err)
	}
	return session, nil
}

// Session reads a session as the transaction sees it.
func (t *Tx) Session(id string) (*Session, error) {
	session, err := scanSession(t.QueryRow("SELECT "+sessionColumns+" FROM sessions WHERE id = $1", id))
	if err != nil {
		return nil, fmt.Errorf("read session: %w", err)
	}
	return session, nil
}

// InsertSession stores a new session; [ErrConflict] if the upstream has one
// with the same secret.
func (t *Tx) InsertSession(s *Session) error {
	s.CreatedAt, s.UpdatedAt = t.Now, t.Now
	err := t.one("insert session", `INSERT INTO sessions (id, upstream, label, secret, hint, fingerprint, slots, enabled, state,
		created_at, updated_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $10) ON CONFLICT DO NOTHING`,
		s.ID, s.Upstream, s.Label, base64.StdEncoding.EncodeToString(s.Secret), s.Hint, s.Fingerprint, s.Slots, s.Enabled,
		s.State, t.Now)
	t.Wake()
	return err
}

// UpdateSession writes what admins and faults change; the counters of running
// and ended tasks are not touched.
func (t *Tx) UpdateSession(s *Session) error {
	s.UpdatedAt = t.Now
	err := t.one("update session "+s.ID, `UPDATE sessions SET label = $2, slots = $3, enabled = $4, state = $5, until = $6, reason = $7,
		faults = $8, credits = $9, credits_expire = $10, probed_at = $11, updated_at = $12 WHERE id = $1`,
		s.ID, s.Label, s.Slots, s.Enabled, s.State, s.Until, clean(s.Reason), s.Faults, s.Credits, s.CreditsExpire, s.ProbedAt, t.Now)
	t.Wake()
	return err
}

// CountOutcome counts an ended attempt of a session.
func (t *Tx) CountOutcome(id string, succeeded bool) error {
	column := "failed"
	if succeeded {
		column = "succeeded"
	}
	if _, err := t.Exec("UPDATE sessions SET "+column+" = "+column+" + 1 WHERE id = $1", id); err != nil {
		return fmt.Errorf("count outcome of session %s: %w", id, err)
	}
	return nil
}

// DeleteSession removes a session on which nothing runs.
func (t *Tx) DeleteSession(id string) error {
	return t.one("delete session "+id, "DELETE FROM sessions WHERE id = $1 AND running = 0", id)
}
