package store

import (
	"cmp"
	"fmt"
)

// InsertTask stores a new queued task.
func (t *Tx) InsertTask(task *Task) error {
	if err := t.insertTasks([]*Task{task}); err != nil {
		return err
	}
	return t.auditNew(task)
}

func (t *Tx) insertTasks(tasks []*Task) error {
	args := make([]any, 0, taskRows.columns*len(tasks))
	for _, task := range tasks {
		if err := t.useMaterials(task); err != nil {
			return err
		}
		materials, err := toJSON(task.Materials)
		if err != nil {
			return fmt.Errorf("insert task: %w", err)
		}
		options, err := optionsJSON(task.Options)
		if err != nil {
			return fmt.Errorf("insert task: %w", err)
		}
		task.Status, task.CreatedAt, task.UpdatedAt = Queued, t.Now, t.Now
		args = append(args, task.ID, task.KeyID, task.Kind, task.Model, task.Route, task.Prompt, task.Duration, task.Ratio,
			task.Resolution, task.Priority, task.RetryOf, materials, options, task.Credits,
			clean(task.RequestID), clean(task.Trace), t.Now, t.Now, task.StartDeadline, task.Deadline)
	}
	if err := t.insertRows(taskRows, args); err != nil {
		return fmt.Errorf("insert task: %w", err)
	}
	for _, task := range tasks {
		t.count(task, Queued, 1)
		t.used(task, t.Now, Usage{Tasks: 1, Credits: task.Credits})
		t.happened(task, moved(Queued), Created, nil)
	}
	t.Wake()
	return nil
}

// moved is the type of the event of a task that has a new status.
func moved(to Status) string { return "task." + string(to) }

// count keeps the counters equal to the rows: by tasks of the status are more.
func (t *Tx) count(task *Task, status Status, by int64) {
	bump(&t.pending.counts, [2]string{task.KeyID, string(status)}, by)
	if status == Queued {
		bump(&t.pending.lanes, [2]string{task.KeyID, task.Route}, by)
	}
}

// move changes the status of a task by compare-and-set: the row must still be
// in the status and the attempt that the caller read. set names further columns
// with $6 and on for args. It keeps the counters and gives the slot back when
// the task stops running.
func (t *Tx) move(task *Task, to Status, set string, args ...any) error {
	if set != "" {
		set = ", " + set
	}
	err := t.changeTask("move to "+string(to), task.ID,
		"UPDATE tasks SET status = $4, updated_at = $5"+set+" WHERE id = $1 AND status = $2 AND attempt = $3",
		append([]any{task.Status, task.Attempt, to, t.Now}, args...)...)
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
	started := cmp.Or(task.StartedAt, t.Now)
	err := t.move(task, Submitting, `attempt = attempt + 1, upstream = $6, session_id = $7, job_id = $8, polls = 0, ref = '', results = '',
		run_deadline = $9, started_at = $10`,
		session.Upstream, session.ID, jobID, task.RunDeadline, started)
	if err != nil {
		return err
	}
	task.Attempt++
	task.Upstream, task.SessionID, task.JobID = session.Upstream, session.ID, jobID
	task.Ref, task.Results, task.Polls, task.StartedAt = "", "", 0, started
	if err := t.takeSlot(task); err != nil {
		return err
	}
	_, err = t.Exec(`INSERT INTO attempts (task_id, n, upstream, session_id, state, created_at) VALUES ($1, $2, $3, $4, $5, $6)`,
		task.ID, task.Attempt, task.Upstream, task.SessionID, Admitted, t.Now)
	if err != nil {
		return fmt.Errorf("insert attempt: %w", err)
	}
	t.happened(task, moved(Submitting), AdmittedTo, nil)
	return nil
}

// Requeue puts a task whose attempt was surely not accepted back into the
// queue, because of the fault. failover says whether it counts against the
// task's failovers. Having started once, it is only bound by its total deadline.
func (t *Tx) Requeue(task *Task, failover bool, why *Fault) error {
	more, what := 0, PutBack
	if failover {
		more, what = 1, TakenOver
	}
	err := t.move(task, Queued, "failovers = failovers + $6, job_id = 0, session_id = '', upstream = '', start_deadline = deadline", more)
	if err != nil {
		return err
	}
	task.Failovers += more
	task.JobID, task.StartDeadline = 0, task.Deadline
	t.happened(task, moved(Queued), what, why) // names the session that did not take it
	task.SessionID, task.Upstream = "", ""
	t.Wake()
	return nil
}

// Accept notes that the upstream accepted the attempt and will be polled.
func (t *Tx) Accept(task *Task, ref string) error {
	ref = clean(ref)
	if err := t.move(task, Polling, "ref = $6", ref); err != nil {
		return err
	}
	task.Ref = ref
	t.happened(task, moved(Polling), WasAccept, nil)
	return nil
}

// HasResults notes where the upstream has put the results, as JSON.
func (t *Tx) HasResults(task *Task, ref, results string) error {
	ref, results = clean(ref), clean(results)
	err := t.move(task, Downloading, "ref = $6, results = $7, queue_position = NULL, queue_total = NULL, queue_eta = ''", ref, results)
	if err != nil {
		return err
	}
	task.Ref, task.Results = ref, results
	task.QueuePosition, task.QueueTotal, task.QueueETA = nil, nil, ""
	t.happened(task, moved(Downloading), HasResult, nil)
	return nil
}

// Progress notes what a poll told; position, total and eta are the upstream's.
// It is part of the history only if it is new.
func (t *Tx) Progress(task *Task, position, total *int, eta string) error {
	eta = clean(eta)
	if equal(position, task.QueuePosition) && equal(total, task.QueueTotal) && eta == task.QueueETA {
		return t.changeTask("count a poll", task.ID, "UPDATE tasks SET polls = polls + 1 WHERE id = $1 AND status = $2 AND attempt = $3",
			task.Status, task.Attempt)
	}
	err := t.changeTask("note progress", task.ID,
		`UPDATE tasks SET polls = polls + 1, queue_position = $4, queue_total = $5, queue_eta = $6, updated_at = $7
		WHERE id = $1 AND status = $2 AND attempt = $3`, task.Status, task.Attempt, position, total, eta, t.Now)
	if err != nil {
		return err
	}
	task.QueuePosition, task.QueueTotal, task.QueueETA = position, total, eta
	t.happened(task, TaskUpdated, Polled, nil)
	return nil
}

func equal(a, b *int) bool { return a == b || a != nil && b != nil && *a == *b }

// Ending is how a task ends.
type Ending struct {
	Status       Status // Succeeded, Failed or Cancelled
	ErrorKind    string
	ErrorMessage string
	Money        string
	Unspent      bool // surely nothing was spent, whether or not Money says so
	Artifacts    []Artifact
	Fault        *Fault // why it failed, in the upstream's own words, for the history
	// ArtifactsUntil is when the files of the artifacts are deleted, 0 for never.
	ArtifactsUntil int64
}

// End ends a task, for good.
func (t *Tx) End(task *Task, e Ending) error {
	artifacts, err := toJSON(e.Artifacts)
	if err != nil {
		return fmt.Errorf("end task: %w", err)
	}
	var size int64
	for _, artifact := range e.Artifacts {
		size += artifact.Size
	}
	if size == 0 {
		e.ArtifactsUntil = 0
	}
	credits := task.Credits
	if e.Unspent || e.Money == NotStarted {
		credits = 0
	}
	err = t.move(task, e.Status, `finished_at = $6, error_kind = $7, error_message = $8, money = $9, artifacts = $10,
		artifact_bytes = $11, artifacts_until = $12, credits = $13, queue_position = NULL, queue_total = NULL, queue_eta = ''`,
		t.Now, e.ErrorKind, clean(e.ErrorMessage), e.Money, artifacts, size, e.ArtifactsUntil, credits)
	if err != nil {
		return err
	}
	if err := t.countArtifacts(size); err != nil {
		return err
	}
	t.used(task, t.Now, ended(task, e.Status))
	t.giveBack(task, credits)
	task.FinishedAt, task.Artifacts, task.ArtifactBytes, task.ArtifactsUntil = t.Now, e.Artifacts, size, e.ArtifactsUntil
	task.ErrorKind, task.ErrorMessage, task.Money = e.ErrorKind, clean(e.ErrorMessage), e.Money
	task.QueuePosition, task.QueueTotal, task.QueueETA = nil, nil, ""
	t.happened(task, moved(e.Status), Ended, e.Fault)
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
func (t *Tx) SetMoney(task *Task, money string) error {
	credits := task.Credits
	if money == NotStarted {
		credits = 0
	}
	err := t.changeTask("note cost", task.ID,
		"UPDATE tasks SET money = $2, updated_at = $3, credits = $4 WHERE id = $1 AND status IN ('cancelled', 'failed')", money, t.Now, credits)
	if err != nil {
		return err
	}
	t.giveBack(task, credits)
	task.Money = money
	t.happened(task, TaskUpdated, MoneyKnown, nil)
	return nil
}

// MirrorFailed notes why a result could not be fetched yet, unless that is what
// is known already. The task goes on; until it ends, its ErrorMessage is what
// holds it up.
func (t *Tx) MirrorFailed(task *Task, why *Fault) error {
	message := clean(why.Message)
	if message == task.ErrorMessage {
		return nil
	}
	err := t.changeTask("note a failed download", task.ID,
		"UPDATE tasks SET error_message = $4, updated_at = $5 WHERE id = $1 AND status = $2 AND attempt = $3",
		task.Status, task.Attempt, message, t.Now)
	if err != nil {
		return err
	}
	task.ErrorMessage = message
	t.happened(task, TaskUpdated, MirrorFail, why)
	return nil
}

// FreshResults replaces the links of a task that is downloading.
func (t *Tx) FreshResults(task *Task, results string) error {
	return t.changeTask("replace links", task.ID,
		"UPDATE tasks SET results = $4, updated_at = $5 WHERE id = $1 AND status = $2 AND attempt = $3",
		task.Status, task.Attempt, clean(results), t.Now)
}

// Retried reports whether a stored task is a retry of the one with the id.
func (t *Tx) Retried(id string) (retried bool, err error) {
	err = t.QueryRow("SELECT EXISTS (SELECT 1 FROM tasks WHERE retry_of = $1 AND retry_of <> '')", id).Scan(&retried)
	if err != nil {
		return false, fmt.Errorf("look for a retry of task %s: %w", id, err)
	}
	return retried, nil
}

// DeleteTask removes a task that has ended, with everything that belongs to it
// but its files. Its blobs are the caller's to delete, after the commit.
func (t *Tx) DeleteTask(task *Task) error {
	err := t.changeTask("delete", task.ID, "DELETE FROM tasks WHERE id = $1 AND status IN ('succeeded', 'failed', 'cancelled')")
	if err != nil {
		return err
	}
	for _, table := range []string{"attempts", "events", "task_materials"} {
		if _, err := t.Exec("DELETE FROM "+table+" WHERE task_id = $1", task.ID); err != nil {
			return fmt.Errorf("delete the %s of task %s: %w", table, task.ID, err)
		}
	}
	if err := t.countArtifacts(-task.ArtifactBytes); err != nil {
		return err
	}
	t.count(task, task.Status, -1)
	t.pending.forget(task.ID)
	t.pending.gone = append(t.pending.gone, task.ID)
	t.happened(task, TaskDeleted, Removed, nil)
	return nil
}
