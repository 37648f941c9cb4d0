package queue

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/jimeng-gateway/jimeng-gateway/blob"
)

// Mirror is a result on its way from the upstream into the blob store. It can be
// read from the first byte on; a reader that is ahead of the upstream waits, and
// one that is slow keeps nobody waiting.
type Mirror struct {
	ContentType string // what the first bytes say
	Size        int64  // -1 when the upstream does not tell

	pending blob.Pending

	mu      sync.Mutex
	written int64
	ended   bool
	err     error         // why it ended badly
	more    chan struct{} // closed at the next change, nil when nobody waits
}

// Write implements [io.Writer] for the one that fetches.
func (m *Mirror) Write(p []byte) (int, error) {
	n, err := m.pending.Write(p)
	m.change(func() { m.written += int64(n) })
	return n, err
}

// end tells the readers that nothing more comes: the file is whole, or err is
// why it is not.
func (m *Mirror) end(err error) { m.change(func() { m.ended, m.err = true, err }) }

func (m *Mirror) change(what func()) {
	m.mu.Lock()
	defer m.mu.Unlock()
	what()
	if m.more != nil {
		close(m.more)
		m.more = nil
	}
}

// await returns how many bytes are there from offset on, and waits until there
// is one. idle is called before it waits. At the end of a good file it returns
// [io.EOF]. The last byte of a file of known size is held back until the file
// has been found whole, so that nobody takes a damaged one for complete.
func (m *Mirror) await(ctx context.Context, offset int64, idle func()) (int64, error) {
	for {
		m.mu.Lock()
		there := m.written - offset
		if !m.ended && m.Size >= 0 { // also from an upstream that sends too much
			there = min(m.written, m.Size-1) - offset
		}
		ended, err := m.ended, m.err
		if m.more == nil && !ended {
			m.more = make(chan struct{})
		}
		more := m.more
		m.mu.Unlock()
		switch {
		case err != nil:
			return 0, fmt.Errorf("the result could not be fetched: %w", err)
		case there > 0:
			return there, nil
		case ended:
			return 0, io.EOF
		}
		idle()
		select {
		case <-more:
		case <-ctx.Done():
			return 0, context.Cause(ctx)
		}
	}
}

// Open returns a reader of the file, which waits for what is not there yet, at
// most until ctx ends. Seeking from the end is possible if the size is known.
// idle is called each time before it waits. [blob.ErrNotFound] means that the
// fetching has failed.
func (m *Mirror) Open(ctx context.Context, idle func()) (io.ReadSeekCloser, error) {
	file, err := m.pending.Open()
	if err != nil {
		return nil, err
	}
	return &mirrorReader{ctx: ctx, mirror: m, file: file, idle: idle}, nil
}

type mirrorReader struct {
	ctx    context.Context
	mirror *Mirror
	file   io.ReadSeekCloser
	offset int64
	idle   func()
}

func (r *mirrorReader) Read(p []byte) (int, error) {
	there, err := r.mirror.await(r.ctx, r.offset, r.idle)
	if err != nil {
		return 0, err
	}
	n, err := r.file.Read(p[:min(int64(len(p)), there)])
	r.offset += int64(n)
	return n, err
}

func (r *mirrorReader) Seek(offset int64, whence int) (int64, error) {
	switch whence {
	case io.SeekCurrent:
		offset += r.offset
	case io.SeekEnd:
		if r.mirror.Size < 0 {
			return 0, errors.New("seek: the size is not known yet")
		}
		offset += r.mirror.Size
	}
	at, err := r.file.Seek(offset, io.SeekStart)
	if err == nil {
		r.offset = at
	}
	return at, err
}

func (r *mirrorReader) Close() error { return r.file.Close() }

// mirrors are the results that this process fetches now, by task and number.
type mirrors struct {
	mu     sync.Mutex
	byTask map[string][]*Mirror
}

// add takes the next result of a task.
func (s *mirrors) add(taskID string, m *Mirror) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.byTask == nil {
		s.byTask = map[string][]*Mirror{}
	}
	s.byTask[taskID] = append(s.byTask[taskID], m)
}

// forget is called when the task names its files itself, or has none.
func (s *mirrors) forget(taskID string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.byTask, taskID)
}

// Mirror returns the result of a task while this node fetches it and until the
// task has ended, or nil.
func (q *Queue) Mirror(taskID string, number int) *Mirror {
	q.mirrors.mu.Lock()
	defer q.mirrors.mu.Unlock()
	if list := q.mirrors.byTask[taskID]; number < len(list) {
		return list[number]
	}
	return nil
}

// Interface guards
var (
	_ io.Writer         = (*Mirror)(nil)
	_ io.ReadSeekCloser = (*mirrorReader)(nil)
)
