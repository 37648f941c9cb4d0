package upstream

import (
	"fmt"
	"time"
)

// Kind says what went wrong. It is the error_kind of a task and decides what
// happens to the session and to the task (see the fault table in package pool).
type Kind string

const (
	ContentRisk      Kind = "content_risk"      // the content was refused: the client's fault, never the session's
	AccountBlocked   Kind = "account_blocked"   // the account is banned
	RiskControl      Kind = "risk_control"      // the account is held back for a while; clients see account_blocked
	Auth             Kind = "auth"              // the login has expired
	Quota            Kind = "quota"             // out of credits
	DailyLimit       Kind = "daily_limit"       // over the day's quota, whatever credits there are; clients see quota
	RateLimited      Kind = "rate_limited"      // too many requests for the moment; not a quota
	BadInput         Kind = "bad_input"         // the upstream refused the parameters
	FileTransfer     Kind = "file_transfer"     // a material did not reach the upstream
	Timeout          Kind = "timeout"           // the upstream gave up waiting, or a deadline passed
	Network          Kind = "network"           // the upstream or its network does not answer
	GenerationFailed Kind = "generation_failed" // accepted, tried, failed
	InDoubt          Kind = "in_doubt"          // nobody can tell whether the submit was accepted
	Unknown          Kind = "unknown"           // none of the above; see the message
)

// Public is the kind as clients see it: the error kinds of the earlier gateway
// and the few that were added since.
func (k Kind) Public() Kind {
	switch k {
	case RiskControl:
		return AccountBlocked
	case DailyLimit:
		return Quota
	default:
		return k
	}
}

// Known reports whether the kind is one of the above: the code of a driver may be
// somebody else's.
func (k Kind) Known() bool {
	switch k {
	case ContentRisk, AccountBlocked, RiskControl, Auth, Quota, DailyLimit, RateLimited, BadInput, FileTransfer, Timeout, Network,
		GenerationFailed, InDoubt, Unknown:
		return true
	default:
		return false
	}
}

// Error is a fault of an upstream call.
type Error struct {
	Kind Kind
	// NotAccepted is true only if the upstream surely did not accept the
	// request, so that sending it again cannot buy anything twice.
	NotAccepted bool
	// Unreachable is true if the upstream itself could not be reached or
	// answered with something that is not its protocol: the fault is the
	// upstream's, whichever session was used.
	Unreachable bool
	RetryAfter  time.Duration // the pause that the upstream asks for, 0 when it does not
	Code        string        // the upstream's own code, "" when it has none
	Message     string        // the upstream's own words, without secrets
	Err         error         // the cause below the protocol, may be nil
}

func (e *Error) Error() string {
	switch {
	case e.Message == "" && e.Err != nil:
		return fmt.Sprintf("%s: %v", e.Kind, e.Err)
	case e.Code != "":
		return fmt.Sprintf("%s: %s (code %s)", e.Kind, e.Message, e.Code)
	default:
		return fmt.Sprintf("%s: %s", e.Kind, e.Message)
	}
}

func (e *Error) Unwrap() error { return e.Err }
