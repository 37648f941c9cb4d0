package queue

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path"
	"time"

	"github.com/gabriel-vasile/mimetype"
	"github.com/oklog/ulid/v2"
	"go.uber.org/zap"

	"github.com/jimeng-gateway/jimeng-gateway/store"
	"github.com/jimeng-gateway/jimeng-gateway/upstream"
)

// freshLinksAfter is how many failed downloads it takes to ask the upstream for
// new links: they are signed and may have expired.
const freshLinksAfter = 2

// download mirrors the results into the blob store and ends the task. The
// upstream's links die within a day; ours do not.
func (q *Queue) download(ctx context.Context, task *store.Task) (time.Duration, error) {
	driver, session, err := q.open(ctx, task)
	if err != nil {
		return q.pollFailed(ctx, task, err), nil
	}
	var results []upstream.Result
	if err := json.Unmarshal([]byte(task.Results), &results); err != nil {
		return 0, fmt.Errorf("read results of task %s: %w", task.ID, err)
	}
	artifacts := make([]store.Artifact, 0, len(results))
	for i, result := range results {
		artifact, err := q.mirror(ctx, driver, session, task, i, result)
		if err != nil {
			q.discard(ctx, artifacts)
			if ctx.Err() != nil {
				return 0, ctx.Err()
			}
			return q.downloadFailed(ctx, driver, session, task, err)
		}
		artifacts = append(artifacts, artifact)
	}
	until, err := q.store.ArtifactsUntil(ctx, task.KeyID, q.settings.Load().Retention.Artifacts.Milliseconds())
	if err != nil {
		q.discard(ctx, artifacts)
		return 0, err
	}
	err = q.store.Write(ctx, store.Durable, func(tx *store.Tx) error {
		if err := tx.CountOutcome(task.SessionID, true); err != nil {
			return err
		}
		return tx.End(task, store.Ending{Status: store.Succeeded, Artifacts: artifacts, ArtifactsUntil: until})
	})
	if err != nil {
		// Unless the commit may have happened, nobody refers to these files.
		if !errors.Is(err, store.ErrUnavailable) {
			q.discard(ctx, artifacts)
		}
		return 0, err
	}
	q.pollFaults.Delete(task.ID)
	return 0, nil
}

// maxStall is how long a download may stand still.
const maxStall = time.Minute

// flowing puts the end of a download off as long as bytes come.
type flowing struct {
	io.Reader
	stall *time.Timer
}

func (f flowing) Read(p []byte) (int, error) {
	n, err := f.Reader.Read(p)
	if n > 0 {
		f.stall.Reset(maxStall)
	}
	return n, err
}

// mirror stores one result. Its type is what the bytes say.
func (q *Queue) mirror(ctx context.Context, driver upstream.Driver, session upstream.Session, task *store.Task, i int, result upstream.Result) (store.Artifact, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stall := time.AfterFunc(maxStall, cancel)
	defer stall.Stop()
	download, err := driver.Download(ctx, session, result.URL)
	if err != nil {
		return store.Artifact{}, err
	}
	defer download.Body.Close()
	body := flowing{download.Body, stall}
	head := make([]byte, 3072)
	n, err := io.ReadFull(body, head)
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
		return store.Artifact{}, fmt.Errorf("download result %d: %w", i+1, err)
	}
	kind := mimetype.Detect(head[:n])
	name := path.Join("artifacts", task.ID, fmt.Sprintf("%d-%s%s", i, ulid.Make(), kind.Extension()))
	info, err := q.blobs.Put(ctx, name, io.MultiReader(bytes.NewReader(head[:n]), body))
	if err != nil {
		return store.Artifact{}, fmt.Errorf("mirror result %d: %w", i+1, err)
	}
	artifact := store.Artifact{Kind: string(result.Kind), ContentType: kind.String(), Size: info.Size, SHA256: info.SHA256, Blob: name}
	if download.Size >= 0 && info.Size != download.Size {
		q.discard(ctx, []store.Artifact{artifact})
		return store.Artifact{}, fmt.Errorf("download result %d: %d of %d bytes came", i+1, info.Size, download.Size)
	}
	return artifact, nil
}

// discard removes blobs that no task refers to.
func (q *Queue) discard(ctx context.Context, artifacts []store.Artifact) {
	for _, a := range artifacts {
		if err := q.blobs.Delete(context.WithoutCancel(ctx), a.Blob); err != nil {
			q.log.Warn("delete blob", zap.String("blob", a.Blob), zap.Error(err))
		}
	}
}

// downloadFailed waits before the next try, and asks for fresh links when the
// old ones seem to be dead. The video exists and is paid, so only the deadline
// gives it up.
func (q *Queue) downloadFailed(ctx context.Context, driver upstream.Driver, session upstream.Session, task *store.Task, cause error) (time.Duration, error) {
	wait := q.pollFailed(ctx, task, cause)
	faults, _ := q.pollFaults.Load(task.ID)
	if n, ok := faults.(int); !ok || n < freshLinksAfter || task.Ref == "" {
		return wait, nil
	}
	progress, err := driver.Poll(ctx, session, task.Ref)
	if err != nil || progress.State != upstream.Succeeded {
		return wait, nil
	}
	results, err := json.Marshal(progress.Results)
	if err != nil {
		return 0, err
	}
	return wait, q.store.Write(ctx, store.Relaxed, func(tx *store.Tx) error { return tx.FreshResults(task, string(results)) })
}
