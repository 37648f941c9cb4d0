package store

import (
	"context"
	"encoding/base64"
	"fmt"
	"time"
)

// RotateSecrets seals everything that the vault has sealed with its first key: a
// fresh one if the keys are in a file, whose older keys are forgotten then. It
// returns how many secrets there were. After an error, and after a crash, both
// keys are still there, and the next call goes on. [ErrConflict] while another one
// runs.
func (s *Store) RotateSecrets(ctx context.Context, v *Vault) (n int, err error) {
	unlock, err := v.lock()
	if err != nil {
		return 0, fmt.Errorf("rotate secrets: %w", err)
	}
	defer unlock()
	wait, err := v.renew()
	if err != nil {
		return 0, err
	}
	if wait {
		// From now on no process seals with the old key.
		select {
		case <-time.After(2 * keysChange):
		case <-ctx.Done():
			return 0, ctx.Err()
		}
	}
	err = s.Write(ctx, Durable, func(tx *Tx) (err error) {
		if n, err = tx.reseal(v); err != nil {
			return err
		}
		return tx.Audit(Act{Action: "secrets.rotate", TargetKind: "secrets", Became: map[string]int{"sealed": n}})
	})
	if err != nil {
		return 0, err
	}
	return n, v.forget()
}

// sealedColumns are all columns that hold what a vault has sealed.
var sealedColumns = []struct{ table, column string }{
	{"sessions", "secret"},
	{"browser_sessions", "tokens"},
}

func (t *Tx) reseal(v *Vault) (n int, err error) {
	type secretRow struct{ id, sealed string }
	for _, c := range sealedColumns {
		rows, err := t.Query("SELECT id, " + c.column + " FROM " + c.table + " WHERE " + c.column + " <> ''")
		sealed, err := collect(rows, err, func(r row) (s secretRow, err error) {
			return s, r.Scan(&s.id, &s.sealed)
		})
		if err != nil {
			return n, fmt.Errorf("read secrets of %s: %w", c.table, err)
		}
		for _, old := range sealed {
			raw, err := base64.StdEncoding.DecodeString(old.sealed)
			if err != nil {
				return n, fmt.Errorf("read secret of %s %s: %w", c.table, old.id, err)
			}
			secret, err := v.Open(raw)
			if err != nil {
				return n, fmt.Errorf("open secret of %s %s: %w", c.table, old.id, err)
			}
			fresh := base64.StdEncoding.EncodeToString(v.Seal(secret))
			set, args := c.column+" = $2", []any{old.id, fresh}
			if c.table == "sessions" {
				set, args = set+", fingerprint = $3", append(args, v.Fingerprint(secret))
			}
			if err := t.one("seal secret of "+c.table+" "+old.id, "UPDATE "+c.table+" SET "+set+" WHERE id = $1", args...); err != nil {
				return n, err
			}
			n++
		}
	}
	return n, nil
}
