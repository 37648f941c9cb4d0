package queue

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"path"
	"runtime"
	"time"

	"go.uber.org/zap"

	"github.com/jimeng-gateway/jimeng-gateway/blob"
	"github.com/jimeng-gateway/jimeng-gateway/media"
	"github.com/jimeng-gateway/jimeng-gateway/store"
	"github.com/jimeng-gateway/jimeng-gateway/upstream"
)

const (
	// posterTime bounds the making of one poster.
	posterTime = 10 * time.Second
	// posterPatience is how long a task waits until the machine has time for its
	// poster: nobody's video comes late because others end at the same moment.
	posterPatience = time.Second
)

// posterRoom bounds the posters that are made at once; each keeps a processor busy.
var posterRoom = make(chan struct{}, runtime.NumCPU())

// posters makes a still of every video, as far as this machine can. A task
// without one is as good as any.
func (q *Queue) posters(ctx context.Context, task *store.Task, results []store.Artifact) (made []store.Artifact) {
	for i, result := range results {
		if result.Kind != string(upstream.Video) {
			continue
		}
		poster, err := q.poster(ctx, path.Join("artifacts", task.ID, fmt.Sprintf("%d-%s-poster.jpg", i, store.NewID(""))), result.Blob)
		if err != nil {
			q.log.Debug("no poster", zap.String("task", task.ID), zap.Error(err))
			continue
		}
		made = append(made, poster)
	}
	return made
}

func (q *Queue) poster(ctx context.Context, name, video string) (store.Artifact, error) {
	patience := time.NewTimer(posterPatience)
	defer patience.Stop()
	select {
	case posterRoom <- struct{}{}:
		defer func() { <-posterRoom }()
	case <-patience.C:
		return store.Artifact{}, errors.New("the machine is busy with others")
	case <-ctx.Done():
		return store.Artifact{}, ctx.Err()
	}
	file, err := q.blobs.Open(ctx, video)
	if err != nil {
		return store.Artifact{}, err
	}
	defer file.Close()
	local, ok := file.(blob.Local)
	if !ok {
		return store.Artifact{}, errors.New("the video does not lie on this machine")
	}
	limited, cancel := context.WithTimeout(ctx, posterTime)
	defer cancel()
	var picture bytes.Buffer
	if err := media.Poster(limited, local.Path(), &picture); err != nil {
		return store.Artifact{}, err
	}
	about, err := media.Inspect(bytes.NewReader(picture.Bytes()), int64(picture.Len()))
	if err != nil {
		return store.Artifact{}, err
	}
	info, err := q.blobs.Put(ctx, name, &picture)
	if err != nil {
		return store.Artifact{}, err
	}
	return store.Artifact{Kind: string(upstream.Image), Poster: true, ContentType: about.ContentType, Width: about.Width, Height: about.Height,
		Size: info.Size, SHA256: info.SHA256, Blob: name}, nil
}
