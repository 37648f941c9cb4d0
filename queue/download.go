package queue

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"
	"time"

	"github.com/gabriel-vasile/mimetype"
	"go.opentelemetry.io/otel/attribute"
	"go.uber.org/zap"

	"github.com/jimeng-gateway/jimeng-gateway/blob"
	"github.com/jimeng-gateway/jimeng-gateway/media"
	"github.com/jimeng-gateway/jimeng-gateway/store"
	"github.com/jimeng-gateway/jimeng-gateway/upstream"
)

const (
	// freshLinksAfter is how many failed downloads it takes to ask the upstream
	// for new links: they are signed and may have expired.
	freshLinksAfter = 2
	// maxStall is how long a download may stand still.
	maxStall = time.Minute
	// fullPause is how many poll intervals a task waits for room on the disk.
	fullPause = 6
)

var errStalled = fmt.Errorf("no byte has come for %s", maxStall)

// download mirrors the results into the blob store and ends the task. The
// upstream's links die within a day; ours do not.
func (q *Queue) download(ctx context.Context, task *store.Task) (time.Duration, error) {
	driver, session, err := q.open(ctx, task)
	if err != nil {
		return q.pollFailed(ctx, task, err), nil
	}
	results, err := Results(task)
	if err != nil {
		return 0, err
	}
	defer q.mirrors.forget(task.ID)
	artifacts := make([]store.Artifact, 0, len(results))
	for i, result := range results {
		began := time.Now()
		span := q.traceStep(ctx, task, "jimeng.download", began)
		artifact, err := q.mirror(ctx, driver, session, task, i, result)
		span.SetAttributes(attribute.Int64("jimeng.bytes", artifact.Size))
		endSpan(span, err)
		if ctx.Err() == nil {
			q.fetched(task, artifact.Size, err)
		}
		if err != nil {
			q.discard(ctx, artifacts)
			if ctx.Err() != nil {
				return 0, ctx.Err()
			}
			return q.mirrorFailed(ctx, driver, session, task, err)
		}
		artifacts = append(artifacts, artifact)
		q.log.Info("result stored", q.about(ctx, task, zap.Int("number", i), zap.String("content_type", artifact.ContentType),
			zap.Int64("bytes", artifact.Size), zap.Duration("took", time.Since(began)))...)
	}
	// Before the end, so that there is one announcement with everything in it.
	artifacts = append(artifacts, q.posters(ctx, task, artifacts)...)
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
	q.tellSucceeded(ctx, task)
	q.pollFaults.Delete(task.ID)
	return 0, nil
}

// Results are the files of a task that lie at the upstream, while it downloads.
func Results(task *store.Task) (results []upstream.Result, err error) {
	if err := json.Unmarshal([]byte(task.Results), &results); err != nil {
		return nil, fmt.Errorf("read results of task %s: %w", task.ID, err)
	}
	return results, nil
}

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

// mirror stores one result, which can be read meanwhile, see [Queue.Mirror]. Its
// type is what the bytes say.
func (q *Queue) mirror(ctx context.Context, driver upstream.Driver, session upstream.Session, task *store.Task, i int, result upstream.Result) (store.Artifact, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	stall := time.AfterFunc(maxStall, func() { cancel(errStalled) })
	defer stall.Stop()
	artifact, err := q.fetch(ctx, stall, driver, session, task, i, result)
	if err != nil && errors.Is(context.Cause(ctx), errStalled) {
		err = errStalled
	}
	return artifact, err
}

func (q *Queue) fetch(ctx context.Context, stall *time.Timer, driver upstream.Driver, session upstream.Session, task *store.Task, i int, result upstream.Result) (store.Artifact, error) {
	download, err := driver.Download(ctx, session, result.URL)
	if err != nil {
		return store.Artifact{}, err
	}
	defer download.Body.Close()
	body := flowing{download.Body, stall}
	head := make([]byte, 3072)
	n, err := io.ReadFull(body, head)
	switch {
	case errors.Is(err, io.EOF):
		return store.Artifact{}, fmt.Errorf("result %d is empty", i+1)
	case err != nil && !errors.Is(err, io.ErrUnexpectedEOF):
		return store.Artifact{}, fmt.Errorf("result %d broke off: %w", i+1, err)
	}
	kind := mimetype.Detect(head[:n])
	contentType := media.TypeName(kind.String())
	if !strings.HasPrefix(contentType, string(result.Kind)+"/") {
		return store.Artifact{}, fmt.Errorf("result %d is no %s but %s", i+1, result.Kind, contentType)
	}
	name := path.Join("artifacts", task.ID, fmt.Sprintf("%d-%s%s", i, store.NewID(""), kind.Extension()))
	pending, err := q.blobs.Create(ctx, name)
	if err != nil {
		return store.Artifact{}, fmt.Errorf("mirror result %d: %w", i+1, err)
	}
	m := &Mirror{ContentType: contentType, Size: download.Size, pending: pending}
	q.mirrors.add(task.ID, m)
	artifact := store.Artifact{Kind: string(result.Kind), ContentType: contentType, Blob: name}
	err = fill(m, io.MultiReader(bytes.NewReader(head[:n]), body), &artifact)
	m.end(err)
	if err != nil {
		if err := pending.Abort(); err != nil {
			q.log.Warn("give up mirror", q.about(ctx, task, zap.Error(err))...)
		}
		return store.Artifact{}, fmt.Errorf("result %d: %w", i+1, err)
	}
	return artifact, nil
}

// fill reads all of a result, and makes it durable if it is whole and what it
// should be.
func fill(m *Mirror, body io.Reader, artifact *store.Artifact) error {
	if _, err := io.Copy(m, body); err != nil {
		return fmt.Errorf("it broke off after %d bytes: %w", m.written, err)
	}
	if m.Size >= 0 && m.written != m.Size {
		return fmt.Errorf("%d of %d bytes came", m.written, m.Size)
	}
	if err := identify(m, artifact); err != nil {
		return err
	}
	info, err := m.pending.Commit()
	artifact.Size, artifact.SHA256 = info.Size, info.SHA256
	return err
}

// identify looks at what has come. A type that nobody here can read is taken for
// what its first bytes say.
func identify(m *Mirror, artifact *store.Artifact) error {
	file, err := m.pending.Open()
	if err != nil {
		return err
	}
	defer file.Close()
	about, err := media.Inspect(file, m.written)
	switch {
	case errors.Is(err, media.ErrUnknownType), errors.Is(err, media.ErrPolyglot): // the video is paid, and plays
		return nil
	case err != nil:
		return err
	case string(about.Kind) != artifact.Kind:
		return fmt.Errorf("it is no %s but %s", artifact.Kind, about.ContentType)
	}
	artifact.ContentType, artifact.Width, artifact.Height = about.ContentType, about.Width, about.Height
	artifact.LengthMS = about.Length.Milliseconds()
	return nil
}

// discard removes blobs that no task refers to.
func (q *Queue) discard(ctx context.Context, artifacts []store.Artifact) {
	for _, a := range artifacts {
		q.deleteBlob(ctx, a.Blob)
	}
}

// mirrorFailed waits before the next try, and asks for fresh links when the old
// ones seem to be dead. The video exists and is paid, so only the deadline gives
// it up.
func (q *Queue) mirrorFailed(ctx context.Context, driver upstream.Driver, session upstream.Session, task *store.Task, cause error) (time.Duration, error) {
	full := errors.Is(cause, blob.ErrFull)
	if full {
		cause = errors.New("there is no room left on the gateway's disk")
	}
	reason := &store.Fault{Kind: string(upstream.FileTransfer), Message: cause.Error()}
	fault, ok := errors.AsType[*upstream.Error](cause)
	if ok {
		reason = words(fault)
	}
	err := q.store.Write(ctx, store.Relaxed, func(tx *store.Tx) error { return tx.MirrorFailed(task, reason) })
	if err != nil {
		return 0, err
	}
	if full {
		// The upstream has done nothing wrong: its links are as good as before.
		wait := jitter(fullPause * q.settings.Load().PollInterval)
		q.log.Error("a result cannot be stored", q.about(ctx, task, zap.Duration("again_in", wait), zap.Error(cause))...)
		return wait, nil
	}
	faults, wait := q.pauseAfterFault(task.ID)
	q.log.Warn("a result could not be fetched", q.about(ctx, task, zap.Int("in_a_row", faults), zap.Duration("again_in", wait), zap.Error(cause))...)
	if ok {
		wait = max(wait, min(fault.RetryAfter, maxAsked))
	}
	if faults < freshLinksAfter || task.Ref == "" {
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
