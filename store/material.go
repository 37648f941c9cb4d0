package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
)

// ErrMaterialGone is returned for a task whose material was deleted while the
// task was being made.
var ErrMaterialGone = errors.New("a material was deleted meanwhile")

// StoredMaterial is a file that one key has uploaded, kept once however often it
// is uploaded and used. Times are Unix milliseconds.
type StoredMaterial struct {
	ID          string // "mat_" and a ULID
	KeyID       string
	Kind        string // "image", "video" or "audio"
	Name        string // the client's name for it, "" for none
	ContentType string
	Size        int64
	SHA256      string // lower-case hex
	Blob        string // other keys' materials with the same content share it
	Width       int    // pixels, 0 for audio and where it is not known
	Height      int
	LengthMS    int64 // 0 for images and where it is not known
	CreatedAt   int64
	UsedAt      int64 // of the last upload, or the making of the last task
}

const materialColumns = `id, key_id, kind, name, content_type, size, sha256, blob, width, height, length_ms, created_at, used_at`

func scanMaterial(r row) (*StoredMaterial, error) {
	var m StoredMaterial
	err := r.Scan(&m.ID, &m.KeyID, &m.Kind, &m.Name, &m.ContentType, &m.Size, &m.SHA256, &m.Blob, &m.Width, &m.Height,
		&m.LengthMS, &m.CreatedAt, &m.UsedAt)
	return &m, found(err)
}

// KeepMaterial makes sure that the key has a material with the content of m, and
// makes m that material. If the content was there, of this key or another, m.Blob
// is afterwards the blob that was there, and the one before is nobody's. New says
// whether the key did not have it. An m with an ID is one that was found before,
// for which nothing was stored: if it has gone since, the error is
// [ErrMaterialGone].
func (t *Tx) KeepMaterial(m *StoredMaterial) (isNew bool, err error) {
	own, err := scanMaterial(t.QueryRow("SELECT "+materialColumns+" FROM materials WHERE sha256 = $1 AND key_id = $2", m.SHA256, m.KeyID))
	if err == nil {
		*m = *own
		m.UsedAt = t.Now
		return false, t.one("note use of material", "UPDATE materials SET used_at = $2 WHERE id = $1", m.ID, t.Now)
	}
	if !errors.Is(err, ErrNotFound) {
		return false, fmt.Errorf("look for material: %w", err)
	}
	if m.ID != "" {
		return false, fmt.Errorf("keep material %s: %w", m.ID, ErrMaterialGone)
	}
	// That other row cannot go away with its blob in the middle of this
	// transaction, because writers take turns.
	var shared string
	switch err := found(t.QueryRow("SELECT blob FROM materials WHERE sha256 = $1 LIMIT 1", m.SHA256).Scan(&shared)); {
	case err == nil:
		m.Blob = shared
	case !errors.Is(err, ErrNotFound):
		return false, fmt.Errorf("look for blob of material: %w", err)
	}
	m.ID, m.CreatedAt, m.UsedAt = NewID("mat_"), t.Now, t.Now
	_, err = t.Exec("INSERT INTO materials ("+materialColumns+") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $12)",
		m.ID, m.KeyID, m.Kind, m.Name, m.ContentType, m.Size, m.SHA256, m.Blob, m.Width, m.Height, m.LengthMS, t.Now)
	if err != nil {
		return false, fmt.Errorf("insert material: %w", err)
	}
	return true, nil
}

// useMaterials ties the stored materials of a new task to it, and changes the
// task's list accordingly. One without an ID is new and kept like with
// [Tx.KeepMaterial]; one with an ID must still be there, otherwise the error is
// [ErrMaterialGone]. What has no checksum is a URL, or a file of the time before
// there were stored materials.
func (t *Tx) useMaterials(task *Task) error {
	stored := func(m Material) bool { return m.SHA256 != "" }
	if !slices.ContainsFunc(task.Materials, stored) {
		return nil
	}
	materials := slices.Clone(task.Materials) // the list before is needed again if the transaction fails
	for i := range materials {
		m := &materials[i]
		if !stored(*m) {
			continue
		}
		if m.ID == "" {
			row := &StoredMaterial{KeyID: task.KeyID, Kind: m.Kind, Name: m.Name, ContentType: m.ContentType, Size: m.Size,
				SHA256: m.SHA256, Blob: m.Blob, Width: m.Width, Height: m.Height, LengthMS: m.LengthMS}
			if _, err := t.KeepMaterial(row); err != nil {
				return err
			}
			m.ID, m.Blob = row.ID, row.Blob
		} else if err := t.one("use material "+m.ID, "UPDATE materials SET used_at = $3 WHERE id = $1 AND key_id = $2", m.ID, task.KeyID, t.Now); err != nil {
			if errors.Is(err, ErrConflict) {
				return fmt.Errorf("use material %s: %w", m.ID, ErrMaterialGone)
			}
			return err
		}
		_, err := t.Exec("INSERT INTO task_materials (material_id, task_id) VALUES ($1, $2) ON CONFLICT DO NOTHING", m.ID, task.ID)
		if err != nil {
			return fmt.Errorf("tie material to task: %w", err)
		}
	}
	task.Materials = materials
	return nil
}

// Material returns a material of the key, or of any key if keyID is "".
func (s *Store) Material(ctx context.Context, keyID, id string) (*StoredMaterial, error) {
	m, err := scanMaterial(s.readers.QueryRowContext(ctx, "SELECT "+materialColumns+" FROM materials WHERE id = $1", id))
	if err == nil && keyID != "" && m.KeyID != keyID {
		err = ErrNotFound
	}
	if err != nil {
		return nil, fmt.Errorf("read material: %w", err)
	}
	return m, nil
}

// MaterialByContent returns the key's material with the SHA-256.
func (s *Store) MaterialByContent(ctx context.Context, keyID, sha256 string) (*StoredMaterial, error) {
	m, err := scanMaterial(s.readers.QueryRowContext(ctx,
		"SELECT "+materialColumns+" FROM materials WHERE sha256 = $1 AND key_id = $2", sha256, keyID))
	if err != nil {
		return nil, fmt.Errorf("read material: %w", err)
	}
	return m, nil
}

// Materials lists the materials of the key, or of all keys if keyID is "", the
// newest first; with before, only those older than the one with this id.
func (s *Store) Materials(ctx context.Context, keyID, before string, limit int) ([]*StoredMaterial, error) {
	query, args := "SELECT "+materialColumns+" FROM materials WHERE 1 = 1", []any{}
	if keyID != "" {
		args = append(args, keyID)
		query += fmt.Sprintf(" AND key_id = $%d", len(args))
	}
	if before != "" {
		args = append(args, before)
		query += fmt.Sprintf(" AND id < $%d", len(args))
	}
	args = append(args, limit)
	rows, err := s.readers.QueryContext(ctx, query+fmt.Sprintf(" ORDER BY id DESC LIMIT $%d", len(args)), args...)
	list, err := collect(rows, err, scanMaterial)
	if err != nil {
		return nil, fmt.Errorf("list materials: %w", err)
	}
	return list, nil
}

// DeleteMaterial deletes a material of the key, or of any key if keyID is "", and
// returns its blob if nobody else needs it. It returns [ErrConflict] while a
// stored task uses the material.
func (s *Store) DeleteMaterial(ctx context.Context, keyID, id string) (blob string, err error) {
	return s.deleteMaterial(ctx, id, "SELECT "+materialColumns+" FROM materials WHERE id = $1 AND (key_id = $2 OR $2 = '')", keyID)
}

// DeleteUnusedMaterial is [Store.DeleteMaterial] for clean-up: it returns
// [ErrNotFound] if the material was used after the moment before, in Unix
// milliseconds.
func (s *Store) DeleteUnusedMaterial(ctx context.Context, id string, before int64) (blob string, err error) {
	return s.deleteMaterial(ctx, id, "SELECT "+materialColumns+" FROM materials WHERE id = $1 AND used_at < $2", before)
}

func (s *Store) deleteMaterial(ctx context.Context, id, find string, arg any) (blob string, err error) {
	err = s.Write(ctx, Durable, func(tx *Tx) error {
		blob = ""
		m, err := scanMaterial(tx.QueryRow(find, id, arg))
		if err != nil {
			return fmt.Errorf("delete material: %w", err)
		}
		err = tx.one("delete material "+id,
			"DELETE FROM materials WHERE id = $1 AND NOT EXISTS (SELECT 1 FROM task_materials WHERE material_id = $1)", id)
		if err != nil {
			return err
		}
		var others int
		if err := tx.QueryRow("SELECT count(*) FROM materials WHERE blob = $1", m.Blob).Scan(&others); err != nil {
			return fmt.Errorf("delete material: %w", err)
		}
		if others == 0 {
			blob = m.Blob
		}
		return tx.Audit(Act{Action: "material.delete", TargetKind: "material", TargetID: id, Was: m.Facts()})
	})
	return blob, err
}

// UnusedMaterials lists materials that no stored task uses and that were last
// used before the moment, in Unix milliseconds.
func (s *Store) UnusedMaterials(ctx context.Context, before int64, limit int) ([]*StoredMaterial, error) {
	rows, err := s.readers.QueryContext(ctx, "SELECT "+materialColumns+` FROM materials WHERE used_at < $1
		AND NOT EXISTS (SELECT 1 FROM task_materials WHERE material_id = materials.id) ORDER BY used_at LIMIT $2`, before, limit)
	list, err := collect(rows, err, scanMaterial)
	if err != nil {
		return nil, fmt.Errorf("list unused materials: %w", err)
	}
	return list, nil
}

// HasMaterialBlob reports whether a material has the blob.
func (s *Store) HasMaterialBlob(ctx context.Context, blob string) (bool, error) {
	var n int
	if err := s.readers.QueryRowContext(ctx, "SELECT count(*) FROM materials WHERE blob = $1", blob).Scan(&n); err != nil {
		return false, fmt.Errorf("look for blob of material: %w", err)
	}
	return n > 0, nil
}
