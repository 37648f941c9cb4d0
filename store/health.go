package store

import (
	"context"

	"github.com/jimeng-gateway/jimeng-gateway/health"
)

// Health tells whether the database answers.
func (s *Store) Health(ctx context.Context) []health.Component {
	c := health.Component{Name: "database", State: health.OK}
	if err := s.Ping(ctx); err != nil {
		c.State = health.Down
		// Not the error: it may tell strangers' logs where the database is, and all
		// kinds of it have the same cure.
		c.Reason = "The database does not answer."
		c.Advice = "See that the database runs and that database_url leads to it; the gateway goes on by itself when it is back."
	}
	return []health.Component{c}
}
