package store

import (
	"context"
	"fmt"
	"time"
)

// clock is the database's own in Unix milliseconds: nodes compare heartbeats,
// and their clocks may differ. On SQLite there is one node and one clock.
func (s *Store) clock() string {
	if s.pgx != nil {
		return "(extract(epoch FROM clock_timestamp()) * 1000)::bigint"
	}
	return "(CAST(unixepoch('subsec') * 1000 AS INTEGER))"
}

// Heartbeat says that the node is alive.
func (s *Store) Heartbeat(ctx context.Context, node string) error {
	return s.Write(ctx, Relaxed, func(tx *Tx) error {
		_, err := tx.Exec("INSERT INTO nodes (id, heartbeat_at) VALUES ($1, "+s.clock()+
			") ON CONFLICT (id) DO UPDATE SET heartbeat_at = excluded.heartbeat_at", node)
		if err != nil {
			return fmt.Errorf("write heartbeat: %w", err)
		}
		return nil
	})
}

// SilentNodes lists the nodes that have not been heard of for longer than d.
func (s *Store) SilentNodes(ctx context.Context, d time.Duration) ([]string, error) {
	rows, err := s.readers.QueryContext(ctx, "SELECT id FROM nodes WHERE heartbeat_at < "+s.clock()+" - $1", d.Milliseconds())
	nodes, err := collect(rows, err, func(r row) (id string, err error) { return id, r.Scan(&id) })
	if err != nil {
		return nil, fmt.Errorf("list silent nodes: %w", err)
	}
	return nodes, nil
}

// ForgetSilentNode removes a node that has still not been heard of for longer
// than d, or returns [ErrConflict].
func (t *Tx) ForgetSilentNode(node string, d time.Duration) error {
	return t.one("forget node "+node, "DELETE FROM nodes WHERE id = $1 AND heartbeat_at < "+t.store.clock()+" - $2", node, d.Milliseconds())
}

// NodeAlive reports whether the node has been heard of within d.
func (s *Store) NodeAlive(ctx context.Context, node string, d time.Duration) (alive bool, err error) {
	err = s.readers.QueryRowContext(ctx, "SELECT EXISTS (SELECT 1 FROM nodes WHERE id = $1 AND heartbeat_at >= "+s.clock()+" - $2)",
		node, d.Milliseconds()).Scan(&alive)
	if err != nil {
		return false, fmt.Errorf("look for node: %w", err)
	}
	return alive, nil
}

// NodeBeat is a node with its last heartbeat and the database's clock now, both
// in Unix milliseconds.
type NodeBeat struct {
	ID        string
	At, Clock int64
}

// Nodes lists the nodes that share the database.
func (s *Store) Nodes(ctx context.Context) ([]NodeBeat, error) {
	rows, err := s.readers.QueryContext(ctx, "SELECT id, heartbeat_at, "+s.clock()+" FROM nodes ORDER BY id")
	nodes, err := collect(rows, err, func(r row) (n NodeBeat, err error) {
		err = r.Scan(&n.ID, &n.At, &n.Clock)
		return n, err
	})
	if err != nil {
		return nil, fmt.Errorf("list nodes: %w", err)
	}
	return nodes, nil
}
