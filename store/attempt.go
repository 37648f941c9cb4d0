package store

import (
	"context"
	"fmt"
)

// AttemptState is how far one submit has come. The order of its writes is what
// keeps a crash from buying twice.
type AttemptState string

const (
	// Admitted attempts have a slot; nothing was sent.
	Admitted AttemptState = "admitted"
	// Sending attempts may be on the wire: from here on a crash leaves a doubt.
	Sending AttemptState = "sending"
	// Accepted attempts have been accepted by the upstream; money is spent.
	Accepted AttemptState = "accepted"
	// Rejected attempts were surely not accepted.
	Rejected AttemptState = "rejected"
	// InDoubt attempts may have been accepted; nobody can tell.
	InDoubt AttemptState = "in_doubt"
)

// Attempt is one submit of a task to one upstream with one session.
type Attempt struct {
	TaskID       string
	N            int
	Upstream     string
	SessionID    string
	State        AttemptState
	Node         string
	Ref          string
	ErrorKind    string
	ErrorMessage string
	CreatedAt    int64
	SentAt       int64
	SettledAt    int64
}

const attemptColumns = `task_id, n, upstream, session_id, state, node, ref, error_kind, error_message, created_at, sent_at, settled_at`

func scanAttempt(r row) (*Attempt, error) {
	var a Attempt
	err := r.Scan(&a.TaskID, &a.N, &a.Upstream, &a.SessionID, &a.State, &a.Node, &a.Ref, &a.ErrorKind, &a.ErrorMessage,
		&a.CreatedAt, &a.SentAt, &a.SettledAt)
	return &a, found(err)
}

const selectAttempt = "SELECT " + attemptColumns + " FROM attempts WHERE task_id = $1 AND n = $2"

// Attempt returns attempt n of a task, counted from 1.
func (s *Store) Attempt(ctx context.Context, taskID string, n int) (*Attempt, error) {
	a, err := scanAttempt(s.readers.QueryRowContext(ctx, selectAttempt, taskID, n))
	if err != nil {
		return nil, fmt.Errorf("read attempt: %w", err)
	}
	return a, nil
}

// Attempts lists the attempts of a task, oldest first.
func (s *Store) Attempts(ctx context.Context, taskID string) ([]*Attempt, error) {
	rows, err := s.readers.QueryContext(ctx, "SELECT "+attemptColumns+" FROM attempts WHERE task_id = $1 ORDER BY n", taskID)
	attempts, err := collect(rows, err, scanAttempt)
	if err != nil {
		return nil, fmt.Errorf("list attempts: %w", err)
	}
	return attempts, nil
}

// Attempt reads the current attempt of a task.
func (t *Tx) Attempt(task *Task) (*Attempt, error) {
	a, err := scanAttempt(t.QueryRow(selectAttempt, task.ID, task.Attempt))
	if err != nil {
		return nil, fmt.Errorf("read attempt: %w", err)
	}
	return a, nil
}

// Intend writes down that the attempt is about to be sent by the node, unless
// the task was ended meanwhile. The transaction must be durable before the first
// byte leaves.
func (t *Tx) Intend(task *Task, node string) error {
	return t.one("intend attempt of task "+task.ID,
		`UPDATE attempts SET state = $3, node = $4, sent_at = $5 WHERE task_id = $1 AND n = $2 AND state = 'admitted'
		AND EXISTS (SELECT 1 FROM tasks WHERE id = $1 AND attempt = $2 AND status = 'submitting')`,
		task.ID, task.Attempt, Sending, node, t.Now)
}

// Unsend takes an intent of the node back whose attempt surely never left.
func (t *Tx) Unsend(task *Task, node string) error {
	return t.one("take back the attempt of task "+task.ID,
		"UPDATE attempts SET state = $3, node = '', sent_at = 0 WHERE task_id = $1 AND n = $2 AND state = 'sending' AND node = $4",
		task.ID, task.Attempt, Admitted, node)
}

// Settle writes down what became of attempt n of a task. An attempt in doubt
// may still turn out accepted or rejected.
func (t *Tx) Settle(taskID string, n int, state AttemptState, ref, errorKind, errorMessage string) error {
	return t.one("settle attempt of task "+taskID,
		`UPDATE attempts SET state = $3, ref = $4, error_kind = $5, error_message = $6, settled_at = $7
		WHERE task_id = $1 AND n = $2 AND state IN ('admitted', 'sending', 'in_doubt')`,
		taskID, n, state, clean(ref), errorKind, clean(errorMessage), t.Now)
}
