package store

import (
	"context"
	"database/sql"
	"encoding/base64"
	"errors"
	"fmt"
	"time"
)

// BrowserSession returns the data of a sign-in that has not expired.
func (s *Store) BrowserSession(ctx context.Context, tokenHash string) (data []byte, found bool, err error) {
	var text string
	err = s.readers.QueryRowContext(ctx, "SELECT data FROM browser_sessions WHERE token_hash = $1 AND expires_at > $2",
		tokenHash, now()).Scan(&text)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, false, nil
	}
	if err == nil {
		data, err = base64.StdEncoding.DecodeString(text)
	}
	if err != nil {
		return nil, false, fmt.Errorf("read browser session: %w", err)
	}
	return data, true, nil
}

// PutBrowserSession stores a sign-in and forgets those that have expired.
func (s *Store) PutBrowserSession(ctx context.Context, tokenHash string, data []byte, expiry time.Time) error {
	return s.Write(ctx, Durable, func(tx *Tx) error {
		if _, err := tx.Exec("DELETE FROM browser_sessions WHERE expires_at <= $1", tx.Now); err != nil {
			return fmt.Errorf("forget expired browser sessions: %w", err)
		}
		_, err := tx.Exec(`INSERT INTO browser_sessions (token_hash, data, expires_at) VALUES ($1, $2, $3)
			ON CONFLICT (token_hash) DO UPDATE SET data = excluded.data, expires_at = excluded.expires_at`,
			tokenHash, base64.StdEncoding.EncodeToString(data), expiry.UnixMilli())
		if err != nil {
			return fmt.Errorf("store browser session: %w", err)
		}
		return nil
	})
}

// DeleteBrowserSession ends a sign-in; one that does not exist is no error.
func (s *Store) DeleteBrowserSession(ctx context.Context, tokenHash string) error {
	return s.Write(ctx, Durable, func(tx *Tx) error {
		if _, err := tx.Exec("DELETE FROM browser_sessions WHERE token_hash = $1", tokenHash); err != nil {
			return fmt.Errorf("delete browser session: %w", err)
		}
		return nil
	})
}
