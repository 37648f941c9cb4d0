package store

import (
	"encoding/json"
	"fmt"
	"time"
)

// Facts are what the audit log tells of things by name: never a secret, nor a
// hash of one.
type Facts map[string]any

// when is a moment as people read it, nil if it has not come.
func when(ms int64) any {
	if ms == 0 {
		return nil
	}
	return time.UnixMilli(ms).UTC()
}

// facts of a key are what an admin can change of it.
func (k *Key) facts() Facts {
	f := Facts{
		"name": k.Name, "key_prefix": k.Prefix, "scopes": k.Scopes, "enabled": k.Enabled, "rate_limit": k.RateLimit,
		"daily_quota": k.DailyQuota, "concurrency": k.Concurrency, "weight": k.Weight, "wait": k.Wait, "retention": k.Retention,
		"expires_at": when(k.ExpiresAt), "max_priority": k.MaxPriority, "models": k.Models, "networks": k.Networks, "max_upload": k.MaxUpload,
		"credits_per_day": float64(k.CreditsPerDay) / 1000, "credits_per_month": float64(k.CreditsPerMonth) / 1000,
		"old_key_until": when(k.OldUntil),
	}
	if json.Valid([]byte(k.Metadata)) {
		f["metadata"] = json.RawMessage(k.Metadata)
	}
	return f
}

// auditKey writes a change of a key into the audit log; was is nil for a new one,
// and became for a deleted one.
func (t *Tx) auditKey(action string, id string, was, became Facts) error {
	act := Act{Action: "key." + action, TargetKind: "key", TargetID: id}
	if was != nil {
		act.Was = was
	}
	if became != nil {
		act.Became = became
	}
	return t.Audit(act)
}

// auditKeyGone writes the deletion of a key that is still there.
func (t *Tx) auditKeyGone(id string) error {
	k, err := scanKey(t.QueryRow("SELECT "+keyColumns+" FROM keys WHERE deleted_at = 0 AND NOT implicit AND id = $1", id))
	if err != nil {
		return fmt.Errorf("delete key: %w", err)
	}
	return t.auditKey("delete", id, k.facts(), nil)
}

// Facts of a session are what admins and faults change of it.
func (s *Session) Facts() Facts {
	return Facts{
		"upstream": s.Upstream, "label": s.Label, "slots": s.Slots, "enabled": s.Enabled, "state": s.State, "reason": s.Reason,
		"until": when(s.Until), "credits": s.Credits,
	}
}

// Facts of a material tell which file it is.
func (m *StoredMaterial) Facts() Facts {
	return Facts{"key": m.KeyID, "kind": m.Kind, "name": m.Name, "size": m.Size, "sha256": m.SHA256}
}

// auditNew writes the making of a task, or that one was sent again; its prompt is
// in the task.
func (t *Tx) auditNew(task *Task) error {
	if task.RetryOf != "" {
		return t.Audit(Act{Action: "task.retry", TargetKind: "task", TargetID: task.RetryOf, Became: Facts{"id": task.ID, "model": task.Model, "key": task.KeyID}})
	}
	return t.Audit(Act{Action: "task.create", TargetKind: "task", TargetID: task.ID, Became: Facts{"model": task.Model, "key": task.KeyID}})
}
