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

// ForgetNode removes a node that has stopped.
func (t *Tx) ForgetNode(node string) error {
	if _, err := t.Exec("DELETE FROM nodes WHERE id = $1", node); err != nil {
		return fmt.Errorf("forget node: %w", err)
	}
	return nil
}
