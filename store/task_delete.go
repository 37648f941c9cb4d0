package store

import "fmt"

// DeleteTask removes a task that has ended, with everything that belongs to it
// but its files. Its blobs are the caller's to delete, after the commit.
func (t *Tx) DeleteTask(task *Task) error {
	err := t.one("delete task "+task.ID, "DELETE FROM tasks WHERE id = $1 AND status IN ('succeeded', 'failed', 'cancelled')", task.ID)
	if err != nil {
		return err
	}
	for _, table := range []string{"attempts", "events", "idempotency", "task_materials"} {
		if _, err := t.Exec("DELETE FROM "+table+" WHERE task_id = $1", task.ID); err != nil {
			return fmt.Errorf("delete the %s of task %s: %w", table, task.ID, err)
		}
	}
	if err := t.countArtifacts(-task.ArtifactBytes); err != nil {
		return err
	}
	t.count(task, task.Status, -1)
	return nil
}
