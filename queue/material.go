package queue

import (
	"context"
	"errors"
	"math"
	"strings"
	"time"

	"github.com/jimeng-gateway/jimeng-gateway/blob"
	"github.com/jimeng-gateway/jimeng-gateway/store"
)

// MaterialDir is where the blobs of stored materials are, and MaterialPrefix
// begins the last part of their names. Other blobs in there are of the time
// before materials had rows, and belong to tasks.
const (
	MaterialDir    = "materials"
	MaterialPrefix = "m-"
)

// sweepMaterials deletes the materials that no stored task uses and that nobody
// has used for as long as the settings keep them, and blobs that a crash has
// left without a material. It may run on several nodes at once.
func (q *Queue) sweepMaterials(ctx context.Context) error {
	return errors.Join(q.sweepUnused(ctx), q.sweepForgotten(ctx))
}

func (q *Queue) sweepUnused(ctx context.Context) error {
	keep := q.settings.Load().KeepMaterials
	if keep <= 0 {
		return nil
	}
	_, err := q.deleteUnused(ctx, keep, math.MaxInt64)
	return err
}

// deleteUnused deletes materials that no stored task uses and that nobody has used
// for so long, the least recently used first, until enough bytes are free. It
// returns how many are.
func (q *Queue) deleteUnused(ctx context.Context, age time.Duration, enough int64) (freed int64, err error) {
	const page = 500
	before := time.Now().Add(-age).UnixMilli()
	for {
		unused, err := q.store.UnusedMaterials(ctx, before, page)
		if err != nil {
			return freed, err
		}
		for _, m := range unused {
			if freed >= enough {
				return freed, nil
			}
			name, err := q.store.DeleteUnusedMaterial(ctx, m.ID, before)
			if errors.Is(err, store.ErrConflict) || errors.Is(err, store.ErrNotFound) {
				continue // a task, an upload or another node was quicker
			}
			if err == nil && name != "" {
				freed += m.Size
				err = q.blobs.Delete(ctx, name)
			}
			if err != nil {
				return freed, err
			}
		}
		if len(unused) < page {
			return freed, nil
		}
	}
}

func (q *Queue) sweepForgotten(ctx context.Context) error {
	return q.blobs.Walk(ctx, MaterialDir, func(e blob.Entry) error {
		if !strings.HasPrefix(e.Name, MaterialDir+"/"+MaterialPrefix) || time.Since(e.ModTime) < strayAfter {
			return nil
		}
		used, err := q.store.HasMaterialBlob(ctx, e.Name)
		if err != nil || used {
			return err
		}
		return q.blobs.Delete(ctx, e.Name)
	})
}
