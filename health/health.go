// Package health says how the parts of the gateway are.
package health

import "time"

// State is how a part is.
type State string

const (
	OK       State = "ok"
	Degraded State = "degraded" // the gateway works, but not as it should
	Down     State = "down"     // what needs this part does not work
	Off      State = "off"      // not configured
)

// Component is one part of the gateway and how it is.
type Component struct {
	Name   string    // database, engine, upstream …
	State  State     // of a check, "" for no news: it is as it was
	Since  time.Time // when it came into the state, zero if that is not known
	Reason string    // in one sentence, "" when all is well
	Advice string    // what an operator can do about it, "" for nothing
}
