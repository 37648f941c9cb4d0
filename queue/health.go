package queue

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jimeng-gateway/jimeng-gateway/blob"
	"github.com/jimeng-gateway/jimeng-gateway/health"
)

const (
	// stillFor is how long maintenance may take for one turn. It is a second,
	// unless the database or the machine is too slow.
	stillFor = 30 * time.Second
	// unfetchedFor is how long a step that is due may wait for somebody to run it.
	unfetchedFor = 30 * time.Second
	// clockWarning is for how long it is said that the clock has gone back.
	clockWarning = 10 * time.Minute
	// probeBlob is written and taken back to see whether the blob store takes
	// files. It never gets its name.
	probeBlob = "health/probe"
)

// Health tells whether the engine runs: its steps, its maintenance and its clock.
func (q *Queue) Health(ctx context.Context) []health.Component {
	c := health.Component{Name: "engine", State: health.OK}
	turned, now := q.turned.Load(), time.Now().UnixMilli()
	switch {
	case q.stopping.Load():
		c.State, c.Reason = health.Down, "The gateway is stopping."
	case turned == 0:
		c.State, c.Reason = health.Down, "The gateway has not started its work yet."
	case now-turned > stillFor.Milliseconds():
		c.State, c.Reason = health.Degraded, fmt.Sprintf("Maintenance has stood still for %d seconds, so deadlines and pauses end late.", (now-turned)/1000)
		c.Advice = "Look for a slow database or a machine without CPU to spare; restart the gateway if it stays so."
	case q.steady.Load() == 0:
		c.State, c.Reason = health.Degraded, "The heartbeats of this node come late, and others may take it for dead."
		c.Advice = "Look for a slow database or a machine without CPU to spare."
	case now-q.clockBack.Load() < clockWarning.Milliseconds():
		c.State, c.Reason = health.Degraded, "The clock of the machine has gone back."
		c.Advice = "Let the machine take its time from NTP (chrony or systemd-timesyncd)."
	default:
		n, err := q.store.DueJobs(ctx, unfetchedFor)
		if err == nil && n > 0 { // without a database, that is what is to be said
			c.State, c.Reason = health.Degraded, fmt.Sprintf("%d steps of tasks have been due for more than %s and nobody runs them.", n, unfetchedFor)
			c.Advice = "Look for errors of River in the log and for a machine without CPU to spare; restart the gateway if it stays so."
		}
	}
	return []health.Component{c}
}

// StorageHealth tells whether there is room for files, and whether they can be
// written.
func (q *Queue) StorageHealth(ctx context.Context) []health.Component {
	c := health.Component{Name: "storage", State: health.OK}
	if err := q.tryBlob(ctx); err != nil {
		c.State, c.Reason = health.Down, "Files cannot be written: "+err.Error()+"."
		c.Advice = "Look at the disk of the data folder; tasks whose results wait go on when it works again."
		if errors.Is(err, blob.ErrFull) {
			c.Reason = "There is no room left on the disk of the data folder."
			c.Advice = "Make room, or set a budget for files (`retention { budget }`); tasks whose results wait go on by themselves."
		}
		return []health.Component{c}
	}
	s, err := q.Storage(ctx)
	switch {
	case err != nil:
		c.State, c.Reason = health.Degraded, "Nobody can tell how much room the files take."
		c.Advice = "See the component database, and the disk of the data folder."
	case s.State != StorageOK:
		c.State, c.Reason = health.Degraded, s.Message
		c.Advice = "Make room, raise the budget, or keep files for a shorter time."
	}
	return []health.Component{c}
}

// tryBlob writes a byte and takes it back.
func (q *Queue) tryBlob(ctx context.Context) error {
	file, err := q.blobs.Create(ctx, probeBlob)
	if err != nil {
		return err
	}
	_, err = file.Write([]byte{0})
	return errors.Join(err, file.Abort())
}
