package store

import (
	"context"
	"fmt"
	"time"
)

// River's table is River's. These are the few statements on it that River does
// not offer: finding and putting back the jobs of a process that is no more.

// lastNode is the node that a job was given to last.
func (s *Store) lastNode() string {
	if s.pgx != nil {
		return "attempted_by[array_upper(attempted_by, 1)]"
	}
	return "json_extract(attempted_by, '$[#-1]')"
}

// putBack makes running jobs available again, as if they had not been tried.
func (s *Store) putBack() string {
	if s.pgx != nil {
		return "UPDATE river_job SET state = 'available', attempt = greatest(attempt - 1, 0), scheduled_at = now() WHERE state = 'running'"
	}
	return `UPDATE river_job SET state = 'available', attempt = max(attempt - 1, 0),
		scheduled_at = strftime('%Y-%m-%d %H:%M:%f', 'now') WHERE state = 'running'`
}

// PutBackAll makes all jobs available again that were given to the node.
func (t *Tx) PutBackAll(node string) (int64, error) {
	result, err := t.Exec(t.store.putBack()+" AND "+t.store.lastNode()+" = $1", node)
	if err != nil {
		return 0, fmt.Errorf("put back the jobs of node %s: %w", node, err)
	}
	return result.RowsAffected()
}

// PutBack makes one job of the node available again.
func (t *Tx) PutBack(id int64, node string) error {
	if _, err := t.Exec(t.store.putBack()+" AND "+t.store.lastNode()+" = $1 AND id = $2", node, id); err != nil {
		return fmt.Errorf("put back job %d: %w", id, err)
	}
	return nil
}

// RunningJobs lists the jobs that were given to the node longer than d ago and
// have not come back.
func (s *Store) RunningJobs(ctx context.Context, node string, d time.Duration) ([]int64, error) {
	old := "attempted_at < strftime('%Y-%m-%d %H:%M:%f', 'now', '-' || CAST($2 AS TEXT) || ' seconds')"
	if s.pgx != nil {
		old = "attempted_at < now() - $2 * interval '1 second'"
	}
	rows, err := s.readers.QueryContext(ctx, "SELECT id FROM river_job WHERE state = 'running' AND "+s.lastNode()+" = $1 AND "+old,
		node, int64(d.Seconds()))
	jobs, err := collect(rows, err, func(r row) (id int64, err error) { return id, r.Scan(&id) })
	if err != nil {
		return nil, fmt.Errorf("list running jobs: %w", err)
	}
	return jobs, nil
}

// DueJobs counts jobs that have been due for longer than d and that nobody runs.
func (s *Store) DueJobs(ctx context.Context, d time.Duration) (n int64, err error) {
	due := "scheduled_at < strftime('%Y-%m-%d %H:%M:%f', 'now', '-' || CAST($1 AS TEXT) || ' seconds')"
	if s.pgx != nil {
		due = "scheduled_at < now() - $1 * interval '1 second'"
	}
	err = s.readers.QueryRowContext(ctx, "SELECT count(*) FROM (SELECT 1 FROM river_job WHERE state = 'available' AND "+due+" LIMIT 1000) AS due",
		int64(d.Seconds())).Scan(&n)
	if err != nil {
		return 0, fmt.Errorf("count due jobs: %w", err)
	}
	return n, nil
}
