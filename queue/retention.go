package queue

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/riverqueue/river"
	"go.uber.org/zap"

	"github.com/jimeng-gateway/jimeng-gateway/blob"
	"github.com/jimeng-gateway/jimeng-gateway/store"
)

// sweepArgs is the periodic job that deletes what is no longer kept.
type sweepArgs struct{}

// Kind is the job's name in River's table.
func (sweepArgs) Kind() string { return "sweep" }

type sweepWorker struct {
	river.WorkerDefaults[sweepArgs]
	queue *Queue
}

// Work sweeps once; what fails is done in the next minute.
func (w *sweepWorker) Work(ctx context.Context, job *river.Job[sweepArgs]) error {
	w.queue.working.Store(job.ID, true)
	defer w.queue.working.Delete(job.ID)
	if err := w.queue.Sweep(ctx); err != nil && ctx.Err() == nil {
		w.queue.log.Error("sweep failed", zap.Error(err))
	}
	return nil
}

const (
	sweepBatch = 100
	// auditEvery is how often all files and all kept tasks are looked at.
	auditEvery = time.Hour
	// strayAfter is the age from which on a file that no task names is nobody's.
	strayAfter = 24 * time.Hour
	// idleUpload is how long an upload waits for its task before it may have to
	// make room.
	idleUpload = time.Hour
)

// Sweep deletes what has been kept for long enough and what no longer fits into
// the budget. The queue does so by itself every minute, on one node at a time;
// two at once do no harm.
func (q *Queue) Sweep(ctx context.Context) error {
	retention := q.settings.Load().Retention
	var errs []error
	if last := q.audited.Load(); last == nil || last.retention != retention.Artifacts || time.Since(last.at) > auditEvery {
		_, err := q.store.Retain(ctx, retention.Artifacts.Milliseconds())
		errs = append(errs, err, q.sweepStrays(ctx, time.Now().Add(-strayAfter)), q.sweepMaterials(ctx), q.blobs.Tidy(ctx), q.purge(ctx))
		if errors.Join(errs...) == nil {
			q.audited.Store(&audit{time.Now(), retention.Artifacts})
		}
	}
	errs = append(errs, q.sweepExpired(ctx), q.sweepTasks(ctx, retention.Tasks), q.sweepBudget(ctx), q.sweepAudit(ctx, retention.Audit))
	return errors.Join(errs...)
}

// purge removes what nobody can ask for any more.
func (q *Queue) purge(ctx context.Context) error {
	return q.store.Write(ctx, store.Relaxed, func(tx *store.Tx) error { return tx.Purge() })
}

// audit is when everything was last looked at, and by which rule.
type audit struct {
	at        time.Time
	retention time.Duration
}

// sweepExpired deletes the files of tasks whose time is over.
func (q *Queue) sweepExpired(ctx context.Context) error {
	for {
		tasks, err := q.store.Expired(ctx, sweepBatch)
		if err != nil || len(tasks) == 0 {
			return err
		}
		dropped, _, err := q.dropArtifacts(ctx, tasks, false)
		if err != nil || dropped == 0 {
			return err
		}
		q.log.Info("files were kept for long enough and are deleted", zap.Int("tasks", dropped))
	}
}

// sweepTasks deletes tasks that ended longer than age ago, with their files.
func (q *Queue) sweepTasks(ctx context.Context, age time.Duration) error {
	for age > 0 {
		tasks, err := q.store.EndedBefore(ctx, time.Now().Add(-age).UnixMilli(), sweepBatch)
		if err != nil || len(tasks) == 0 {
			return err
		}
		dropped, _, err := q.dropArtifacts(ctx, tasks, true)
		if err != nil || dropped == 0 {
			return err
		}
		q.log.Info("old tasks are deleted", zap.Int("tasks", dropped))
	}
	return nil
}

// auditBatch is how many lines of the audit log go in one transaction, while all
// other writes wait.
const auditBatch = 1000

// sweepAudit deletes lines of the audit log that are older than age.
func (q *Queue) sweepAudit(ctx context.Context, age time.Duration) error {
	for age > 0 {
		dropped, err := q.store.DropAudit(ctx, time.Now().Add(-age).UnixMilli(), auditBatch)
		if err != nil || dropped == 0 {
			return err
		}
		q.log.Info("old lines of the audit log are deleted", zap.Int64("lines", dropped))
	}
	return nil
}

// sweepBudget deletes materials that nobody uses, and then the files of the tasks
// that ended first, until the rest fits. It warns one sweep before it does.
func (q *Queue) sweepBudget(ctx context.Context) error {
	s, warned, err := q.watchStorage(ctx)
	if err != nil || !warned || s.State != StorageOver {
		return err
	}
	excess := s.Used() - s.Retention.Budget
	// Nobody has paid for these, and without this one key's uploads would push out
	// the results of all.
	freed, err := q.deleteUnused(ctx, idleUpload, excess)
	if err != nil {
		return err
	}
	if freed > 0 {
		q.log.Info("materials that no task uses are deleted to stay within the budget", zap.String("freed", amount(freed)))
	}
	excess -= freed
	for excess > 0 {
		oldest, err := q.store.OldestArtifacts(ctx, sweepBatch)
		if err != nil {
			return err
		}
		n := 0
		for size := int64(0); n < len(oldest) && size < excess; n++ {
			size += oldest[n].ArtifactBytes
		}
		if n == 0 {
			return nil // materials alone exceed the budget
		}
		dropped, freed, err := q.dropArtifacts(ctx, oldest[:n], false)
		if err != nil || dropped == 0 {
			return err
		}
		excess -= freed
		q.log.Info("files of the oldest tasks are deleted to stay within the budget", zap.Int("tasks", dropped), zap.String("freed", amount(freed)))
	}
	return nil
}

// dropArtifacts forgets the files of ended tasks, or with whole the tasks, and
// then deletes the files. A crash in between leaves strays. It returns for how
// many tasks it did so, which others may have done before, and how many bytes
// that freed.
func (q *Queue) dropArtifacts(ctx context.Context, tasks []*store.Task, whole bool) (dropped int, freed int64, err error) {
	var blobs []string
	err = q.store.Write(ctx, store.Durable, func(tx *store.Tx) error {
		for _, task := range tasks {
			size, artifacts := task.ArtifactBytes, task.Artifacts
			if size > 0 {
				err := tx.DropArtifacts(task)
				if errors.Is(err, store.ErrConflict) {
					continue // somebody else was quicker
				}
				if err != nil {
					return err
				}
				freed += size
				for _, artifact := range artifacts {
					blobs = append(blobs, artifact.Blob)
				}
			}
			if whole {
				err := tx.DeleteTask(task)
				if errors.Is(err, store.ErrConflict) {
					continue
				}
				if err != nil {
					return err
				}
			}
			dropped++
		}
		return nil
	})
	if err != nil {
		return 0, 0, err
	}
	for _, name := range blobs {
		q.deleteBlob(ctx, name)
	}
	return dropped, freed, nil
}

// deleteBlob removes a file that no task names; one that cannot be removed now
// is a stray.
func (q *Queue) deleteBlob(ctx context.Context, name string) {
	if name == "" {
		return
	}
	if err := q.blobs.Delete(context.WithoutCancel(ctx), name); err != nil {
		q.log.Warn("delete blob", zap.String("blob", name), zap.Error(err))
	}
}

// sweepStrays deletes artifacts that are older than before and that their task
// does not name: a crash came between the two. A task that has not ended may
// still come to name its files.
func (q *Queue) sweepStrays(ctx context.Context, before time.Time) error {
	var task string // files of one task come one after the other
	var named map[string]bool
	var strays []string
	err := q.blobs.Walk(ctx, "artifacts", func(entry blob.Entry) error {
		parts := strings.Split(entry.Name, "/")
		if len(parts) != 3 || !entry.ModTime.Before(before) {
			return nil
		}
		if parts[1] != task {
			row, err := q.store.Task(ctx, "", parts[1])
			if err != nil && !errors.Is(err, store.ErrNotFound) {
				return err
			}
			task, named = parts[1], nil
			if err != nil || row.Status.Ended() {
				named = map[string]bool{}
			}
			if err == nil && named != nil {
				for _, artifact := range row.Artifacts {
					named[artifact.Blob] = true
				}
			}
		}
		if named != nil && !named[entry.Name] {
			strays = append(strays, entry.Name)
		}
		return nil
	})
	for _, name := range strays {
		q.deleteBlob(ctx, name)
	}
	if len(strays) > 0 {
		q.log.Info("files that no task names were deleted", zap.Int("files", len(strays)))
	}
	return err
}
