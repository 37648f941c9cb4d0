// Package upstream is the contract between the gateway and the services that
// generate videos and images. A driver speaks the protocol of one kind of
// service; everything that costs money or may cost money is visible in its
// answers, so that the queue can promise that nothing is bought twice.
package upstream

import (
	"context"
	"io"
	"time"
)

// Driver speaks the protocol of one configured upstream. All methods may be
// called at the same time from many goroutines and return as soon as ctx ends.
// Every error is or wraps an [*Error].
type Driver interface {
	// Models lists what the upstream can run, as far as is known now. It never
	// waits for the network: as long as the upstream has not been reached, it
	// answers with everything that the upstream may turn out to serve. Nobody
	// changes the list, so that a driver can answer with the same one until it
	// learns another: the queue asks for every task, and whatever it makes of
	// the list it makes again only for a new one.
	Models() []Model

	// Submit hands the request over, once. It may spend money, so it never
	// sends the request a second time by itself; [Error.NotAccepted] says
	// whether somebody else may. An upstream that answers only when the result
	// exists keeps Submit waiting until then and returns a Submission that has
	// ended.
	Submit(ctx context.Context, s Session, r *Request) (Submission, error)

	// Poll asks for the state of an accepted request. An error means that the
	// state could not be learnt; a failed generation is a Progress with Failed.
	Poll(ctx context.Context, s Session, ref string) (Progress, error)

	// Download opens a result of an accepted request.
	Download(ctx context.Context, s Session, url string) (*Download, error)

	// Probe asks whether the session works, without spending anything.
	Probe(ctx context.Context, s Session) (Probe, error)
}

// Canceler is implemented by drivers whose upstream can stop a request.
type Canceler interface {
	// Cancel reports whether the upstream stopped the work, so that nothing
	// more is spent on it.
	Cancel(ctx context.Context, s Session, ref string) (stopped bool, err error)
}

// Finder is implemented by drivers whose upstream can tell what became of a
// submit whose answer was lost.
type Finder interface {
	// Find returns the ref of the request that was submitted with taskID, and
	// whether the upstream accepted one. An error means that nobody can tell.
	Find(ctx context.Context, s Session, taskID string) (ref string, found bool, err error)
}

// Session is one account or credential of an upstream.
type Session struct {
	ID     string
	Secret string // never logged, never part of an error
}

// Request is what a task asks of an upstream. It has passed [Model.Check].
// [Request.Pick] tells which model it is for.
type Request struct {
	TaskID string
	Kind   MediaKind
	Model  string // the upstream's own name of it
	// Named is true if the configuration says that this upstream runs the model,
	// so that it is passed on also when the driver does not know it.
	Named bool
	// Override is what the configuration says of the model, nil for nothing.
	Override   *Override
	Prompt     string
	Duration   int    // seconds; video only; never 0 for a video
	Ratio      string // "16:9"; "" leaves it to the upstream
	Resolution string // "720p", "2k"; "" leaves it to the upstream
	Materials  []Material
	Options    map[string]any // further parameters that the upstream may know, as JSON has them
}

// MediaKind is what a task produces or a material contains.
type MediaKind string

const (
	Image MediaKind = "image"
	Video MediaKind = "video"
	Audio MediaKind = "audio"
)

// Material is an input of a request, either a URL that the upstream fetches
// itself or content that Open streams. Open can be called again.
type Material struct {
	Kind        MediaKind
	Name        string // file name without a path, may be ""
	ContentType string
	Size        int64
	URL         string
	Open        func(ctx context.Context) (io.ReadCloser, error)
}

// State is how far an upstream has come with an accepted request.
type State int

const (
	Running State = iota
	Succeeded
	Failed
)

// Progress is what an upstream says of an accepted request.
type Progress struct {
	State         State
	QueuePosition *int          // the upstream's own queue, nil when not told
	QueueTotal    *int          // nil when not told
	QueueETA      string        // in the upstream's words or as a Go duration, "" when not told
	PollAfter     time.Duration // the interval that the upstream asks for, 0 when it does not
	Results       []Result      // with Succeeded, at least one
	Failure       *Error        // with Failed
}

// Submission is the answer to a submit that the upstream accepted.
type Submission struct {
	Ref string // the upstream's id; "" if it has none, then Progress has ended
	Progress
}

// Result is a generated file at the upstream. Its URL may die within hours.
type Result struct {
	Kind MediaKind
	URL  string
}

// Download is an open result.
type Download struct {
	Body        io.ReadCloser
	ContentType string
	Size        int64 // -1 when the upstream does not say
}

// Probe is what an upstream says of a session.
type Probe struct {
	// Verdict is empty when the session works, or the kind of fault that it
	// has: Auth, AccountBlocked, Quota or DailyLimit. A probe that cannot tell is an error.
	Verdict Kind
	Message string // the upstream's own words, without secrets
	Credits *int64 // nil when not told
	// CreditsExpire is when the first of the credits expire; zero when not told.
	CreditsExpire time.Time
}

// Pinger is implemented by drivers that can ask whether the upstream answers at
// all, at no cost. Without it, the next task finds out.
type Pinger interface {
	Ping(ctx context.Context) error
}
