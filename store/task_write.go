package store

import (
	"fmt"
)

const insertTask = `INSERT INTO tasks (id, key_id, kind, status, model, route, prompt, duration, ratio, resolution, priority,
	retry_of, materials, options, created_at, updated_at, start_deadline, deadline)
	VALUES ($1, $2, $3, 'queued', $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $14, $15, $16)`

// InsertTask stores a new queued task.
func (t *Tx) InsertTask(task *Task) error {
	materials, err := toJSON(task.Materials)
	if err != nil {
		return fmt.Errorf("insert task: %w", err)
	}
	options, err := optionsJSON(task.Options)
	if err != nil {
		return fmt.Errorf("insert task: %w", err)
	}
	task.Status, task.CreatedAt, task.UpdatedAt = Queued, t.Now, t.Now
	_, err = t.Exec(insertTask, task.ID, task.KeyID, task.Kind, task.Model, task.Route, task.Prompt, task.Duration, task.Ratio,
		task.Resolution, task.Priority, task.RetryOf, materials, options, t.Now, task.StartDeadline, task.Deadline)
	if err != nil {
		return fmt.Errorf("insert task: %w", err)
	}
	t.count(task, Queued, 1)
	bump(&t.pending.usage, task.KeyID, 1)
	t.Wake()
	return nil
}

// count keeps the counters equal to the rows: by tasks of the status are more.
func (t *Tx) count(task *Task, status Status, by int64) {
	bump(&t.pending.counts, [2]string{task.KeyID, string(status)}, by)
	if status == Queued {
		bump(&t.pending.lanes, [2]string{task.KeyID, task.Route}, by)
	}
}

// move changes the status of a task by compare-and-set: the row must still be
// in the status and the attempt that the caller read. set names further columns
// with $5 and on for args. It keeps the counters and gives the slot back when
// the task stops running.
func (t *Tx) move(task *Task, to Status, set string, args ...any) error {
	if set != "" {
		set = ", " + set
	}
	err := t.one("move task "+task.ID+" to "+string(to),
		"UPDATE tasks SET status = $4, updated_at = "+fmt.Sprint(t.Now)+set+" WHERE id = $1 AND status = $2 AND attempt = $3",
		append([]any{task.ID, task.Status, task.Attempt, to}, args...)...)
	if err != nil {
		return err
	}
	from := task.Status
	t.count(task, from, -1)
	t.count(task, to, 1)
	if from != Queued && (to == Queued || to.Ended()) {
		if err := t.releaseSlot(task); err != nil {
			return err
		}
	}
	task.Status, task.UpdatedAt = to, t.Now
	return nil
}

// Admit gives a queued task a slot of a session: the next attempt, which may
// run until runDeadline.
func (t *Tx) Admit(task *Task, session *Session, jobID, runDeadline int64) error {
	task.RunDeadline = min(runDeadline, task.Deadline)
	err := t.move(task, Submitting, `attempt = attempt + 1, upstream = $5, session_id = $6, job_id = $7, polls = 0, ref = '', results = '',
		run_deadline = $8, started_at = CASE WHEN started_at = 0 THEN $9 ELSE started_at END`,
		session.Upstream, session.ID, jobID, task.RunDeadline, t.Now)
	if err != nil {
		return err
	}
	task.Attempt++
	task.Upstream, task.SessionID, task.JobID = session.Upstream, session.ID, jobID
	if err := t.takeSlot(task); err != nil {
		return err
	}
	_, err = t.Exec(`INSERT INTO attempts (task_id, n, upstream, session_id, state, created_at) VALUES ($1, $2, $3, $4, $5, $6)`,
		task.ID, task.Attempt, task.Upstream, task.SessionID, Admitted, t.Now)
	if err != nil {
		return fmt.Errorf("insert attempt: %w", err)
	}
	return nil
}

// Requeue puts a task whose attempt was surely not accepted back into the
// queue. failover says whether it counts against the task's failovers. Having
// started once, it is only bound by its total deadline.
func (t *Tx) Requeue(task *Task, failover bool) error {
	more := 0
	if failover {
		more = 1
	}
	err := t.move(task, Queued, "failovers = failovers + $5, job_id = 0, session_id = '', upstream = '', start_deadline = deadline", more)
	if err != nil {
		return err
	}
	task.Failovers += more
	t.Wake()
	return nil
}

// Accept notes that the upstream accepted the attempt and will be polled.
func (t *Tx) Accept(task *Task, ref string) error {
	if err := t.move(task, Polling, "ref = $5", clean(ref)); err != nil {
		return err
	}
	task.Ref = ref
	return nil
}

// HasResults notes where the upstream has put the results, as JSON.
func (t *Tx) HasResults(task *Task, ref, results string) error {
	if err := t.move(task, Downloading, "ref = $5, results = $6, queue_position = NULL, queue_total = NULL, queue_eta = ''", clean(ref), clean(results)); err != nil {
		return err
	}
	task.Ref, task.Results = ref, results
	return nil
}

// Progress notes what a poll told; position, total and eta are the upstream's.
func (t *Tx) Progress(task *Task, position, total *int, eta string) error {
	return t.one("note progress of task "+task.ID,
		`UPDATE tasks SET polls = polls + 1, queue_position = $4, queue_total = $5, queue_eta = $6, updated_at = $7
		WHERE id = $1 AND status = $2 AND attempt = $3`, task.ID, task.Status, task.Attempt, position, total, clean(eta), t.Now)
}

// Ending is how a task ends.
type Ending struct {
	Status       Status // Succeeded, Failed or Cancelled
	ErrorKind    string
	ErrorMessage string
	Money        string
	Artifacts    []Artifact
}

// End ends a task, for good.
func (t *Tx) End(task *Task, e Ending) error {
	artifacts, err := toJSON(e.Artifacts)
	if err != nil {
		return fmt.Errorf("end task: %w", err)
	}
	err = t.move(task, e.Status, `finished_at = $5, error_kind = $6, error_message = $7, money = $8, artifacts = $9,
		queue_position = NULL, queue_total = NULL, queue_eta = ''`, t.Now, e.ErrorKind, clean(e.ErrorMessage), e.Money, artifacts)
	if err != nil {
		return err
	}
	task.FinishedAt, task.Artifacts = t.Now, e.Artifacts
	task.ErrorKind, task.ErrorMessage, task.Money = e.ErrorKind, e.ErrorMessage, e.Money
	task.QueuePosition, task.QueueTotal, task.QueueETA = nil, nil, ""
	return nil
}

// takeSlot counts a running task at its session, upstream and key. The session's
// condition is the last word on its slots.
func (t *Tx) takeSlot(task *Task) error {
	if err := t.one("take a slot of session "+task.SessionID,
		"UPDATE sessions SET running = running + 1, last_used_at = $2 WHERE id = $1 AND running < slots", task.SessionID, t.Now); err != nil {
		return err
	}
	if _, err := t.Exec(`INSERT INTO upstreams (name, running) VALUES ($1, 1)
		ON CONFLICT (name) DO UPDATE SET running = upstreams.running + 1`, task.Upstream); err != nil {
		return fmt.Errorf("count running tasks: %w", err)
	}
	return t.one("count running tasks of key "+task.KeyID,
		"UPDATE keys SET running = running + 1, served_at = $2 WHERE id = $1", task.KeyID, t.Now)
}

// releaseSlot never fails on a counter that is already 0: a wrong counter is a
// fault to find, but no reason to keep a task from ending.
func (t *Tx) releaseSlot(task *Task) error {
	for _, statement := range []struct{ query, id string }{
		{"UPDATE sessions SET running = running - 1 WHERE id = $1 AND running > 0", task.SessionID},
		{"UPDATE upstreams SET running = running - 1 WHERE name = $1 AND running > 0", task.Upstream},
		{"UPDATE keys SET running = running - 1 WHERE id = $1 AND running > 0", task.KeyID},
	} {
		if _, err := t.Exec(statement.query, statement.id); err != nil {
			return fmt.Errorf("release the slot of task %s: %w", task.ID, err)
		}
	}
	t.Wake()
	return nil
}

// SetMoney corrects what is known about the cost of a task that was stopped.
func (t *Tx) SetMoney(id, money string) error {
	return t.one("note cost of task "+id,
		"UPDATE tasks SET money = $2, updated_at = $3 WHERE id = $1 AND status IN ('cancelled', 'failed')", id, money, t.Now)
}

// FreshResults replaces the links of a task that is downloading.
func (t *Tx) FreshResults(task *Task, results string) error {
	return t.one("replace links of task "+task.ID,
		"UPDATE tasks SET results = $4, updated_at = $5 WHERE id = $1 AND status = $2 AND attempt = $3",
		task.ID, task.Status, task.Attempt, clean(results), t.Now)
}
