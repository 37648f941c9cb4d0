package store

import (
	"context"
	"fmt"
	"hash/maphash"
	"sync"

	"github.com/maypok86/otter/v2"
)

// peekSize is how many tasks are kept for readers: those that clients wait for.
const peekSize = 4096

// peeks keeps tasks that were read lately, so that a client that asks for the
// state of its task again and again costs no query. It is exact: every change of
// a task's row forgets the task when it is committed and before anybody is told.
// That only works where all changes go through this process, so there is none
// on PostgreSQL.
type peeks struct {
	tasks  *otter.Cache[string, *Task]
	seed   maphash.Seed
	shards [64]peekShard
}

// peekShard counts the changes of some of the tasks. A reader that has read a
// row while its shard counted on may have read what is no longer true.
type peekShard struct {
	mu      sync.Mutex
	changes uint64
}

func newPeeks() (*peeks, error) {
	cache, err := otter.New(&otter.Options[string, *Task]{MaximumSize: peekSize})
	if err != nil {
		return nil, fmt.Errorf("make cache of tasks: %w", err)
	}
	return &peeks{tasks: cache, seed: maphash.MakeSeed()}, nil
}

func (p *peeks) shard(id string) *peekShard {
	return &p.shards[maphash.String(p.seed, id)%uint64(len(p.shards))]
}

// forget is called after a commit that may have changed the tasks.
func (p *peeks) forget(ids []string) {
	if p == nil {
		return
	}
	for _, id := range ids {
		shard := p.shard(id)
		shard.mu.Lock()
		shard.changes++
		p.tasks.Invalidate(id)
		shard.mu.Unlock()
	}
}

func (p *peeks) read(ctx context.Context, id string, read func(context.Context, string) (*Task, error)) (*Task, error) {
	if task, ok := p.tasks.GetIfPresent(id); ok {
		return task, nil
	}
	shard := p.shard(id)
	shard.mu.Lock()
	before := shard.changes
	shard.mu.Unlock()
	task, err := read(ctx, id)
	if err != nil {
		return nil, err
	}
	shard.mu.Lock()
	defer shard.mu.Unlock()
	if shard.changes == before {
		p.tasks.Set(id, task)
	}
	return task, nil
}

// PeekTask is [Store.Task] for who only shows the task: what it returns is
// shared and must not be changed.
func (s *Store) PeekTask(ctx context.Context, keyID, id string) (*Task, error) {
	task, err := s.peek(ctx, id)
	if err != nil {
		return nil, err
	}
	if keyID != "" && task.KeyID != keyID {
		return nil, fmt.Errorf("read task: %w", ErrNotFound)
	}
	return task, nil
}

func (s *Store) peek(ctx context.Context, id string) (*Task, error) {
	read := func(ctx context.Context, id string) (*Task, error) { return s.Task(ctx, "", id) }
	if s.peeks == nil {
		return read(ctx, id)
	}
	return s.peeks.read(ctx, id, read)
}
