package store_test

import (
	"database/sql"
	"path/filepath"
	"testing"
	"time"

	"go.uber.org/zap"

	"github.com/jimeng-gateway/jimeng-gateway/health"
	"github.com/jimeng-gateway/jimeng-gateway/store"
)

// A database that can be read and not written takes no tasks, and says so.
func TestHealthOfTheWriter(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "gateway.db")
	s, err := store.Open(t.Context(), "sqlite://"+path, zap.NewNop())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	write := func() error { return s.Write(t.Context(), store.Relaxed, func(*store.Tx) error { return nil }) }
	becomes := func(want health.State) {
		t.Helper()
		deadline := time.Now().Add(30 * time.Second)
		for {
			c := s.Health(t.Context())[0]
			if c.State == want {
				return
			}
			if time.Now().After(deadline) {
				t.Fatalf("got %+v, want %s", c, want)
			}
			<-time.After(10 * time.Millisecond)
		}
	}
	if err := write(); err != nil {
		t.Fatal(err)
	}
	becomes(health.OK)
	other, err := sql.Open("sqlite", path+"?_txlock=immediate")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = other.Close() })
	tx, err := other.Begin()
	if err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	failed := make(chan error, 1)
	go func() { failed <- write() }()
	becomes(health.Down)
	if waited := time.Since(began); waited > 4500*time.Millisecond {
		t.Errorf("known after %s, when the write had failed already", waited)
	}
	if err := <-failed; err == nil {
		t.Error("a write went through a lock")
	}
	becomes(health.Down) // until one has succeeded
	if err := tx.Rollback(); err != nil {
		t.Fatal(err)
	}
	if err := write(); err != nil {
		t.Fatal(err)
	}
	becomes(health.OK)
}
