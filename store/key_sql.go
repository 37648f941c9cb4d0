package store

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"
)

const keyColumns = `id, name, hash, prefix, scopes, enabled, implicit, rate_limit, daily_quota, concurrency, weight, expires_at,
	metadata, created_at, updated_at, last_used_at, wait, retention, max_priority, models, networks, max_upload, credits_per_day,
	credits_per_month, old_hash, old_until`

func scanKey(r row) (*Key, error) {
	var k Key
	var scopes, models, networks string
	err := r.Scan(&k.ID, &k.Name, &k.Hash, &k.Prefix, &scopes, &k.Enabled, &k.Implicit, &k.RateLimit, &k.DailyQuota,
		&k.Concurrency, &k.Weight, &k.ExpiresAt, &k.Metadata, &k.CreatedAt, &k.UpdatedAt, &k.LastUsedAt, &k.Wait, &k.Retention,
		&k.MaxPriority, &models, &networks, &k.MaxUpload, &k.CreditsPerDay, &k.CreditsPerMonth, &k.OldHash, &k.OldUntil)
	if err != nil {
		return nil, found(err)
	}
	k.Scopes = strings.Fields(scopes)
	if err := fromJSON(models, &k.Models); err != nil {
		return nil, fmt.Errorf("read models of key %s: %w", k.ID, err)
	}
	for _, network := range strings.Fields(networks) {
		prefix, err := netip.ParsePrefix(network)
		if err != nil { // never a key without its limit
			return nil, fmt.Errorf("read networks of key %s: %w", k.ID, err)
		}
		k.Networks = append(k.Networks, prefix)
	}
	return &k, nil
}

// keyLists are the lists of a key as its row has them, "" for empty ones.
func keyLists(k *Key) (scopes, models, networks string, err error) {
	if models, err = toJSON(k.Models); err != nil {
		return "", "", "", fmt.Errorf("write models of key: %w", err)
	}
	texts := make([]string, len(k.Networks))
	for i, network := range k.Networks {
		texts[i] = network.String()
	}
	return strings.Join(k.Scopes, " "), models, strings.Join(texts, " "), nil
}

func (t *Tx) insertKey(k *Key) error {
	k.CreatedAt, k.UpdatedAt = t.Now, t.Now
	scopes, models, networks, err := keyLists(k)
	if err != nil {
		return err
	}
	err = t.one("insert key", `INSERT INTO keys (id, name, hash, prefix, scopes, enabled, implicit, rate_limit, daily_quota,
		concurrency, weight, expires_at, metadata, created_at, updated_at, wait, retention, max_priority, models, networks,
		max_upload, credits_per_day, credits_per_month)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $14, $15, $16, $17, $18, $19, $20, $21, $22)
		ON CONFLICT DO NOTHING`,
		k.ID, k.Name, k.Hash, k.Prefix, scopes, k.Enabled, k.Implicit, k.RateLimit, k.DailyQuota,
		k.Concurrency, k.Weight, k.ExpiresAt, k.Metadata, t.Now, k.Wait, k.Retention, k.MaxPriority, models, networks,
		k.MaxUpload, k.CreditsPerDay, k.CreditsPerMonth)
	if err != nil {
		return err
	}
	return t.AccessChanged()
}

// CreateKey stores a new key; [ErrConflict] if its id or hash exists.
func (s *Store) CreateKey(ctx context.Context, k *Key) error {
	return s.Write(ctx, Durable, func(tx *Tx) error {
		if err := tx.insertKey(k); err != nil {
			return err
		}
		return tx.auditKey("create", k.ID, nil, k.facts())
	})
}

// Key returns a key that was not deleted.
func (s *Store) Key(ctx context.Context, id string) (*Key, error) {
	return s.key(ctx, "id = $1", id)
}

// byHash has each half as its index has it.
const byHash = "(hash = $1 AND hash <> '' OR old_hash = $1 AND old_hash <> '')"

// KeyByHash returns the key with the SHA-256, be it of its secret or of the one
// before. It may be disabled or expired, and the time of the old secret over.
func (s *Store) KeyByHash(ctx context.Context, hash string) (*Key, error) {
	return s.key(ctx, byHash, hash)
}

func (s *Store) key(ctx context.Context, condition string, arg any) (*Key, error) {
	k, err := scanKey(s.readers.QueryRowContext(ctx, "SELECT "+keyColumns+" FROM keys WHERE deleted_at = 0 AND "+condition, arg))
	if err != nil {
		return nil, fmt.Errorf("read key: %w", err)
	}
	return k, nil
}

// Keys lists the keys, oldest first, without implicit and deleted ones.
func (s *Store) Keys(ctx context.Context) ([]*Key, error) {
	rows, err := s.readers.QueryContext(ctx, "SELECT "+keyColumns+" FROM keys WHERE deleted_at = 0 AND NOT implicit ORDER BY id")
	keys, err := collect(rows, err, scanKey)
	if err != nil {
		return nil, fmt.Errorf("list keys: %w", err)
	}
	return keys, nil
}

// UpdateKey reads the key, lets change edit it and writes it back, all in one
// transaction. An error of change is returned and nothing is written.
func (s *Store) UpdateKey(ctx context.Context, id string, change func(*Key) error) (*Key, error) {
	var k *Key
	err := s.Write(ctx, Durable, func(tx *Tx) (err error) {
		k, err = scanKey(tx.QueryRow("SELECT "+keyColumns+" FROM keys WHERE deleted_at = 0 AND NOT implicit AND id = $1", id))
		if err != nil {
			return fmt.Errorf("read key: %w", err)
		}
		was, hash, action := k.facts(), k.Hash, "change"
		if err := change(k); err != nil {
			return err
		}
		if k.Hash != hash {
			action = "regenerate"
		}
		if err := tx.auditKey(action, id, was, k.facts()); err != nil {
			return err
		}
		k.UpdatedAt = tx.Now
		tx.Wake() // its concurrency or weight may have changed
		scopes, models, networks, err := keyLists(k)
		if err != nil {
			return err
		}
		err = tx.one("update key", `UPDATE keys SET name = $2, hash = $3, prefix = $4, scopes = $5, enabled = $6, rate_limit = $7,
			daily_quota = $8, concurrency = $9, weight = $10, expires_at = $11, metadata = $12, updated_at = $13, wait = $14,
			retention = $15, max_priority = $16, models = $17, networks = $18, max_upload = $19, credits_per_day = $20,
			credits_per_month = $21, old_hash = $22, old_until = $23 WHERE id = $1`,
			id, k.Name, k.Hash, k.Prefix, scopes, k.Enabled, k.RateLimit, k.DailyQuota, k.Concurrency,
			k.Weight, k.ExpiresAt, k.Metadata, tx.Now, k.Wait, k.Retention, k.MaxPriority, models, networks, k.MaxUpload,
			k.CreditsPerDay, k.CreditsPerMonth, k.OldHash, k.OldUntil)
		if err != nil {
			return err
		}
		return tx.AccessChanged()
	})
	return k, err
}

// DeleteKey makes a key unusable for good. Its tasks stay, and so does its row,
// because tasks that run are still counted there.
func (s *Store) DeleteKey(ctx context.Context, id string) error {
	return s.Write(ctx, Durable, func(tx *Tx) error {
		if err := tx.auditKeyGone(id); err != nil {
			return err
		}
		err := tx.one("delete key", `UPDATE keys SET deleted_at = $2, enabled = $3, hash = '', old_hash = '', updated_at = $2
			WHERE id = $1 AND deleted_at = 0 AND NOT implicit`, id, tx.Now, false)
		if err != nil {
			if errors.Is(err, ErrConflict) {
				return fmt.Errorf("delete key: %w", ErrNotFound)
			}
			return err
		}
		return tx.AccessChanged()
	})
}

// EnsureImplicitKeys creates the keys that tasks of ADMIN_TOKEN ("admin") and
// of a gateway without authentication ("anonymous") belong to.
func (s *Store) EnsureImplicitKeys(ctx context.Context) error {
	return s.Write(ctx, Durable, func(tx *Tx) error {
		for id, name := range map[string]string{"admin": "ADMIN_TOKEN", "anonymous": "without authentication"} {
			if err := tx.ensureImplicitKey(id, name, "admin"); err != nil {
				return err
			}
		}
		return nil
	})
}

// ensureImplicitKey creates a key without a secret, unless it is there.
func (t *Tx) ensureImplicitKey(id, name, scopes string) error {
	_, err := t.Exec(`INSERT INTO keys (id, name, hash, prefix, scopes, enabled, implicit, rate_limit, daily_quota, concurrency,
		weight, expires_at, metadata, created_at, updated_at)
		VALUES ($1, $2, '', '', $3, $4, $4, 0, 0, 0, 1, 0, '', $5, $5) ON CONFLICT DO NOTHING`, id, name, scopes, true, t.Now)
	if err != nil {
		return fmt.Errorf("insert implicit key: %w", err)
	}
	return nil
}
