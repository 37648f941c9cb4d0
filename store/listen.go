package store

import (
	"context"
	"time"

	"go.uber.org/zap"
)

const (
	// eventsChannel is the channel of PostgreSQL on which nodes tell each other
	// that there are new events.
	eventsChannel = "jimeng_events"
	// eventsPoll is how often a node looks for events although none was told of.
	eventsPoll = time.Second
	// eventsAtOnce bounds what is read of them at a time.
	eventsAtOnce = 500
)

// notify tells all nodes of the transaction's events, with its commit.
func (t *Tx) notify() error {
	if t.store.pgx == nil || len(t.events) == 0 {
		return nil
	}
	_, err := t.Exec("SELECT pg_notify('" + eventsChannel + "', '')")
	return err
}

// listen follows the events of all nodes on PostgreSQL, this one's included, so
// that they come in the order of their numbers. seen is the last that nobody
// needs to be told of.
func (s *Store) listen(seen int64) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go func() {
		select {
		case <-s.stop:
			cancel()
		case <-ctx.Done():
		}
	}()
	for ctx.Err() == nil {
		if err := s.listenOnce(ctx, &seen); err != nil && ctx.Err() == nil {
			s.log.Warn("events of other nodes cannot be followed for now", zap.Error(err))
			select {
			case <-ctx.Done():
			case <-time.After(eventsPoll):
			}
		}
	}
}

// listenOnce follows events until its connection breaks. seen is the last one
// that was told of.
func (s *Store) listenOnce(ctx context.Context, seen *int64) error {
	pooled, err := s.pgx.Acquire(ctx)
	if err != nil {
		return err
	}
	conn := pooled.Hijack() // what listens must not go back to others
	defer func() {
		// A server that is gone must not hold up the end of the process.
		bye, cancel := context.WithTimeout(context.WithoutCancel(ctx), eventsPoll)
		defer cancel()
		_ = conn.Close(bye)
	}()
	if _, err := conn.Exec(ctx, "LISTEN "+eventsChannel); err != nil {
		return err
	}
	for {
		if err := s.tellNew(ctx, seen); err != nil {
			return err
		}
		wait, cancel := context.WithTimeout(ctx, eventsPoll)
		_, err := conn.WaitForNotification(wait)
		over := wait.Err() != nil
		cancel()
		if err != nil && (!over || ctx.Err() != nil) {
			return err
		}
	}
}

func (s *Store) tellNew(ctx context.Context, seen *int64) error {
	last, _, err := s.EventRange(ctx)
	if err != nil {
		return err
	}
	for *seen < last {
		events, err := s.EventsAfter(ctx, *seen, last, eventsAtOnce)
		if err != nil {
			return err
		}
		s.announce(events)
		if len(events) < eventsAtOnce {
			*seen = last
		} else {
			*seen = events[len(events)-1].Seq
		}
	}
	return nil
}
