package queue

import (
	"math"
	"slices"

	"github.com/jimeng-gateway/jimeng-gateway/pool"
	"github.com/jimeng-gateway/jimeng-gateway/store"
)

// admit gives free slots to queued tasks. It runs at the end of a transaction
// in which something changed, and reads a few rows however many tasks wait: the
// lanes with queued tasks, and the free sessions.
//
// Next is the key with the fewest running tasks relative to its weight; ties go
// to the key that was served longest ago. Within a key it is priority, then age.
func (q *Queue) admit(tx *store.Tx) error {
	if q.stopping.Load() {
		return nil
	}
	settings := q.settings.Load()
	limits := make(map[string]int, len(settings.Upstreams))
	for name, u := range settings.Upstreams {
		limits[name] = u.Concurrency
	}
	free, err := q.pool.Free(tx, limits)
	if err != nil || !free.Any() {
		return err
	}
	room, err := gatewayRoom(tx, settings.Concurrency)
	if err != nil || room <= 0 {
		return err
	}
	chosen, err := chooseTasks(tx, free, room)
	if err != nil || len(chosen) == 0 {
		return err
	}
	jobs := make([]attemptArgs, len(chosen))
	for i, c := range chosen {
		jobs[i] = attemptArgs{TaskID: c.task.ID, Attempt: c.task.Attempt + 1}
	}
	ids, err := q.engine.insert(tx, jobs)
	if err != nil {
		return err
	}
	for i, c := range chosen {
		runDeadline := c.task.Deadline
		if settings.RunDeadline > 0 {
			runDeadline = tx.Now + settings.RunDeadline.Milliseconds()
		}
		if err := tx.Admit(c.task, c.session, ids[i], runDeadline); err != nil {
			return err
		}
	}
	return nil
}

// gatewayRoom is how many more tasks the whole gateway may run.
func gatewayRoom(tx *store.Tx, concurrency int) (int, error) {
	if concurrency <= 0 {
		return math.MaxInt, nil
	}
	upstreams, err := tx.Upstreams()
	if err != nil {
		return 0, err
	}
	room := concurrency
	for _, u := range upstreams {
		room -= u.Running
	}
	return room, nil
}

type choice struct {
	task    *store.Task
	session *store.Session
}

func chooseTasks(tx *store.Tx, free *pool.Free, room int) ([]choice, error) {
	lanes, err := openLanes(tx)
	if err != nil {
		return nil, err
	}
	var chosen []choice
	for room > 0 && free.Any() {
		l, err := next(tx, lanes, free)
		if err != nil || l == nil {
			return chosen, err
		}
		session := free.Take(l.Route, tx.Now)
		chosen = append(chosen, choice{l.take(tx.Now, len(chosen)), session})
		room--
	}
	return chosen, nil
}

// lane is a lane with its next tasks read, and what its key holds.
type lane struct {
	*store.Lane
	key   *holder
	tasks []*store.Task
	taken int // still queued in the database until the admission is written
	empty bool
}

// holder is what a key holds, shared by its lanes.
type holder struct {
	running, weight, concurrency int
	servedAt                     int64
	turn                         int // order within this admission
}

func openLanes(tx *store.Tx) ([]*lane, error) {
	rows, err := tx.Lanes()
	if err != nil {
		return nil, err
	}
	keys := make(map[string]*holder)
	lanes := make([]*lane, len(rows))
	for i, row := range rows {
		if keys[row.KeyID] == nil {
			keys[row.KeyID] = &holder{running: row.Running, weight: row.Weight, concurrency: row.Concurrency, servedAt: row.ServedAt}
		}
		lanes[i] = &lane{Lane: row, key: keys[row.KeyID]}
	}
	return lanes, nil
}

// readAhead is how many tasks of a lane are read at once.
const readAhead = 16

// next is the lane whose first task goes next, or nil.
func next(tx *store.Tx, lanes []*lane, free *pool.Free) (*lane, error) {
	for {
		best := fairest(lanes, free.Serves)
		if best == nil {
			return nil, nil
		}
		// Lanes of one key compete by their first tasks, so these must be known.
		read := false
		for _, l := range lanes {
			if l.key != best.key || l.empty || len(l.tasks) > 0 || !free.Serves(l.Route) {
				continue
			}
			tasks, err := tx.Head(l.Lane, l.taken, readAhead)
			if err != nil {
				return nil, err
			}
			l.tasks, l.empty, read = tasks, len(tasks) == 0, true
		}
		if !read {
			return best, nil
		}
	}
}

// fairest is the lane that goes next among those that can be served, or nil.
func fairest(lanes []*lane, serves func(route string) bool) *lane {
	var best *lane
	for _, l := range lanes {
		// The question for the route comes last, because it costs the most.
		if !l.empty && l.key.mayRun() && (best == nil || l.before(best)) && serves(l.Route) {
			best = l
		}
	}
	return best
}

func (h *holder) mayRun() bool { return h.concurrency == 0 || h.running < h.concurrency }

// before reports whether l goes before other.
func (l *lane) before(other *lane) bool {
	a, b := l.key, other.key
	if a != b {
		// running/weight compared without division
		if left, right := a.running*b.weight, b.running*a.weight; left != right {
			return left < right
		}
		if a.servedAt != b.servedAt {
			return a.servedAt < b.servedAt
		}
		if a.turn != b.turn {
			return a.turn < b.turn
		}
		return l.KeyID < other.KeyID
	}
	if len(l.tasks) == 0 || len(other.tasks) == 0 {
		return len(l.tasks) > len(other.tasks)
	}
	first, second := l.tasks[0], other.tasks[0]
	if first.Priority != second.Priority {
		return first.Priority > second.Priority
	}
	return first.ID < second.ID
}

// take removes the first task and counts it as running.
func (l *lane) take(now int64, turn int) *store.Task {
	task := l.tasks[0]
	l.tasks = slices.Delete(l.tasks, 0, 1)
	l.taken++
	l.key.running++
	l.key.servedAt, l.key.turn = now, turn+1
	return task
}
