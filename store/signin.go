package store

import (
	"context"
	"encoding/base64"
	"fmt"
	"time"
)

// SignIn is a browser in which somebody has signed in, with a key or at an OpenID
// provider. Times are Unix milliseconds.
type SignIn struct {
	ID        string
	TokenHash string // lower-case hex SHA-256 of the cookie
	OwnerID   string // of the key or the person
	KeyHash   string // of the secret that signed in, "" for a person
	SID       string // the provider's name for the sign-in, "" for none
	Tokens    []byte // of the provider, sealed; nil for none
	Address   string
	UserAgent string
	CreatedAt int64
	SeenAt    int64 // at most a minute or so behind
	CheckedAt int64 // when the provider last confirmed the person
	BusyUntil int64 // no other node asks the provider before
	ExpiresAt int64

	// Of the owner, only when read.
	Name   string
	Issuer string // "" for a key
	Role   string // of a person
}

const selectSignIn = `SELECT s.id, s.token_hash, s.key_id, s.key_hash, s.sid, s.tokens, s.address, s.user_agent, s.created_at,
	s.seen_at, s.checked_at, s.busy_until, s.expires_at, COALESCE(people.name, keys.name, ''), COALESCE(people.issuer, ''), COALESCE(people.role, '')
	FROM browser_sessions s LEFT JOIN people ON people.id = s.key_id LEFT JOIN keys ON keys.id = s.key_id WHERE `

func scanSignIn(r row) (*SignIn, error) {
	var s SignIn
	var tokens string
	err := r.Scan(&s.ID, &s.TokenHash, &s.OwnerID, &s.KeyHash, &s.SID, &tokens, &s.Address, &s.UserAgent, &s.CreatedAt,
		&s.SeenAt, &s.CheckedAt, &s.BusyUntil, &s.ExpiresAt, &s.Name, &s.Issuer, &s.Role)
	if err == nil && tokens != "" {
		s.Tokens, err = base64.StdEncoding.DecodeString(tokens)
	}
	return &s, found(err)
}

// SignInByToken returns the sign-in of a cookie, unless it has expired.
func (s *Store) SignInByToken(ctx context.Context, tokenHash string) (*SignIn, error) {
	in, err := scanSignIn(s.readers.QueryRowContext(ctx, selectSignIn+"s.token_hash = $1 AND s.expires_at > $2", tokenHash, now()))
	if err != nil {
		return nil, fmt.Errorf("read sign-in: %w", err)
	}
	return in, nil
}

// SignIns lists the sign-ins of a key or person, those of everybody if owner is
// "", the newest first.
func (s *Store) SignIns(ctx context.Context, owner string) ([]*SignIn, error) {
	rows, err := s.readers.QueryContext(ctx, selectSignIn+"s.expires_at > $1 AND (s.key_id = $2 OR $2 = '') ORDER BY s.id DESC", now(), owner)
	list, err := collect(rows, err, scanSignIn)
	if err != nil {
		return nil, fmt.Errorf("list sign-ins: %w", err)
	}
	return list, nil
}

// AddSignIn stores a sign-in, the person who it is, unless it is a key, and that
// it has happened. The browser's sign-in before it, if any, ends, and so do those
// whose time is over.
func (s *Store) AddSignIn(ctx context.Context, in *SignIn, person *Person, beforeHash string) error {
	return s.Write(ctx, Durable, func(tx *Tx) error {
		if person != nil {
			if err := tx.PutPerson(person); err != nil {
				return err
			}
		}
		if _, err := tx.Exec("DELETE FROM browser_sessions WHERE expires_at <= $1", tx.Now); err != nil {
			return fmt.Errorf("forget expired sign-ins: %w", err)
		}
		if _, err := tx.endSignIns(SignInEnded, "s.token_hash = $1", beforeHash); err != nil {
			return err
		}
		if _, err := tx.endSignIns(SignInEnded, tooOld, in.OwnerID, maxSignIns-1); err != nil {
			return err
		}
		in.CreatedAt, in.SeenAt, in.CheckedAt = tx.Now, tx.Now, tx.Now
		err := tx.one("store sign-in", `INSERT INTO browser_sessions (id, token_hash, key_id, key_hash, sid, tokens, address, user_agent,
			created_at, seen_at, checked_at, expires_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $9, $9, $10)`,
			in.ID, in.TokenHash, in.OwnerID, in.KeyHash, clean(in.SID), base64.StdEncoding.EncodeToString(in.Tokens), clean(in.Address),
			clean(in.UserAgent), tx.Now, in.ExpiresAt)
		if err != nil {
			return err
		}
		return tx.Audit(Act{Action: "sign_in", TargetKind: "sign_in", TargetID: in.ID})
	})
}

// maxSignIns is how many sign-ins a key or a person can have; a new one ends the
// oldest.
const maxSignIns = 50

const tooOld = `s.key_id = $1 AND s.id <= (SELECT id FROM browser_sessions WHERE key_id = $1 ORDER BY id DESC LIMIT 1 OFFSET $2)`

// What the audit log calls the end of a sign-in: by its own browser, or otherwise.
const (
	SignOut     = "sign_out"
	SignInEnded = "sign_in.end"
)

// EndSignIn ends one sign-in of the owner, or of anybody if owner is "", and
// notes the action.
func (s *Store) EndSignIn(ctx context.Context, id, owner, action string) error {
	return s.Write(ctx, Durable, func(tx *Tx) error {
		n, err := tx.endSignIns(action, "s.id = $1 AND (s.key_id = $2 OR $2 = '')", id, owner)
		if err == nil && n == 0 {
			return fmt.Errorf("end sign-in: %w", ErrNotFound)
		}
		return err
	})
}

// EndSignIns ends all sign-ins of a key or person and returns how many there were.
func (s *Store) EndSignIns(ctx context.Context, owner string) (n int, err error) {
	err = s.Write(ctx, Durable, func(tx *Tx) error {
		n, err = tx.endSignIns(SignInEnded, "s.key_id = $1", owner)
		return err
	})
	return n, err
}

// EndProviderSignIns ends what a provider says is over: the sign-ins with its sid,
// or all of a person if sid is "". The logout token that says so is taken only
// once; [ErrConflict] if it was before.
func (s *Store) EndProviderSignIns(ctx context.Context, issuer, sid, owner, tokenHash string, expiresAt int64) error {
	return s.Write(ctx, Durable, func(tx *Tx) error {
		if err := tx.TakeOnce(tokenHash, expiresAt); err != nil {
			return err
		}
		condition, args := "people.issuer = $1 AND s.sid = $2 AND s.sid <> ''", []any{issuer, clean(sid)}
		if sid == "" {
			condition, args = "s.key_id = $1", []any{owner}
		} else if owner != "" {
			condition, args = condition+" AND s.key_id = $3", append(args, owner)
		}
		_, err := tx.endSignIns(SignInEnded, condition, args...)
		return err
	})
}

func (t *Tx) endSignIns(action, condition string, args ...any) (int, error) {
	rows, err := t.Query(selectSignIn+condition, args...)
	list, err := collect(rows, err, scanSignIn)
	if err != nil {
		return 0, fmt.Errorf("list sign-ins: %w", err)
	}
	for _, in := range list {
		if err := t.one("end sign-in", "DELETE FROM browser_sessions WHERE id = $1", in.ID); err != nil {
			return 0, err
		}
		act := Act{Action: action, TargetKind: "sign_in", TargetID: in.ID, Was: map[string]string{"owner": in.OwnerID, "name": in.Name}}
		if err := t.Audit(act); err != nil {
			return 0, err
		}
	}
	if len(list) == 0 {
		return 0, nil
	}
	return len(list), t.AccessChanged()
}

// SeenSignIn notes that a sign-in is in use.
func (s *Store) SeenSignIn(ctx context.Context, in *SignIn) error {
	return s.Write(ctx, Relaxed, func(tx *Tx) error {
		if _, err := tx.Exec("UPDATE browser_sessions SET seen_at = $2 WHERE id = $1", in.ID, tx.Now); err != nil {
			return fmt.Errorf("note use of sign-in: %w", err)
		}
		if in.Issuer == "" {
			return nil
		}
		if _, err := tx.Exec("UPDATE people SET seen_at = $2 WHERE id = $1", in.OwnerID, tx.Now); err != nil {
			return fmt.Errorf("note use of sign-in: %w", err)
		}
		return nil
	})
}

// ClaimCheck lets this node, and for some time no other, ask the provider about a
// sign-in. It returns [ErrConflict] if another does or the sign-in was checked or
// has ended meanwhile: a refresh token that is used twice counts as stolen.
func (s *Store) ClaimCheck(ctx context.Context, in *SignIn, patience time.Duration) error {
	return s.Write(ctx, Durable, func(tx *Tx) error {
		return tx.one("claim check of sign-in", "UPDATE browser_sessions SET busy_until = $3 WHERE id = $1 AND checked_at = $2 AND busy_until <= $4",
			in.ID, in.CheckedAt, tx.Now+patience.Milliseconds(), tx.Now)
	})
}

// ConfirmSignIn stores what the provider has said of the sign-in's person, and
// the tokens for the next time. Nobody stays signed in without a role.
func (s *Store) ConfirmSignIn(ctx context.Context, in *SignIn, person *Person) error {
	return s.Write(ctx, Durable, func(tx *Tx) error {
		if err := tx.PutPerson(person); err != nil {
			return err
		}
		if person.Role == "" {
			_, err := tx.endSignIns(SignInEnded, "s.key_id = $1", person.ID)
			return err
		}
		return tx.one("confirm sign-in", "UPDATE browser_sessions SET checked_at = $2, busy_until = 0, tokens = $3 WHERE id = $1",
			in.ID, tx.Now, base64.StdEncoding.EncodeToString(in.Tokens))
	})
}

// KeepTokens stores the provider's tokens of a sign-in that it has not confirmed.
func (s *Store) KeepTokens(ctx context.Context, in *SignIn) error {
	return s.Write(ctx, Durable, func(tx *Tx) error {
		_, err := tx.Exec("UPDATE browser_sessions SET tokens = $2 WHERE id = $1", in.ID, base64.StdEncoding.EncodeToString(in.Tokens))
		if err != nil {
			return fmt.Errorf("keep tokens of sign-in: %w", err)
		}
		return nil
	})
}

// TakeOnce notes that something that may be taken only once was taken. It returns
// [ErrConflict] if it was before. What has expired is forgotten: it is refused for
// its age.
func (t *Tx) TakeOnce(hash string, expiresAt int64) error {
	if _, err := t.Exec("DELETE FROM taken_once WHERE expires_at <= $1", t.Now); err != nil {
		return fmt.Errorf("forget what was taken: %w", err)
	}
	return t.one("take once", "INSERT INTO taken_once (hash, expires_at) VALUES ($1, $2) ON CONFLICT DO NOTHING", hash, expiresAt)
}

// TakeOnce is [Tx.TakeOnce] in a transaction of its own.
func (s *Store) TakeOnce(ctx context.Context, hash string, expiresAt int64) error {
	return s.Write(ctx, Durable, func(tx *Tx) error { return tx.TakeOnce(hash, expiresAt) })
}

// HasAdminKey reports whether a key exists that may make others.
func (s *Store) HasAdminKey(ctx context.Context) (bool, error) {
	var n int
	err := s.readers.QueryRowContext(ctx, `SELECT count(*) FROM keys WHERE deleted_at = 0 AND NOT implicit AND enabled
		AND ' ' || scopes || ' ' LIKE '% admin %'`).Scan(&n)
	if err != nil {
		return false, fmt.Errorf("look for an admin key: %w", err)
	}
	return n > 0, nil
}
