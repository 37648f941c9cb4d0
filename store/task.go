package store

// Status is a task's place in its life. The seven words are the API's.
type Status string

const (
	Queued      Status = "queued"
	Submitting  Status = "submitting"
	Polling     Status = "polling"
	Downloading Status = "downloading"
	Succeeded   Status = "succeeded"
	Failed      Status = "failed"
	Cancelled   Status = "cancelled"
)

// Statuses lists every status in the order of a task's life.
var Statuses = []Status{Queued, Submitting, Polling, Downloading, Succeeded, Failed, Cancelled}

// Ended reports whether the status is final.
func (s Status) Ended() bool { return s == Succeeded || s == Failed || s == Cancelled }

// NotStarted is what [Task] says of money when surely nothing was spent.
const NotStarted = "not_started"

// Task is one request for a video or a set of images, from a client's submit to
// its end. Times are Unix milliseconds, 0 when the moment has not come.
type Task struct {
	ID         string
	KeyID      string
	Kind       string // "video" or "image"
	Status     Status
	Model      string // as the client named it
	Route      string // the upstreams that can serve it, sorted, joined by commas
	Prompt     string
	Duration   int   // seconds of video, 0 where the model has none
	Credits    int64 // what it costs by the catalogue in thousandths, 0 if that is unknown or surely nothing was spent
	Ratio      string
	Resolution string
	Priority   int // higher goes first within a key
	RetryOf    string
	RequestID  string         // of the request that made it, as the logs have it, "" for none
	Trace      string         // W3C traceparent of that request, "" when it is not traced
	Options    map[string]any // further parameters of the upstream, as JSON has them

	Upstream  string
	SessionID string
	Attempt   int // number of the current attempt, 0 before the first
	Failovers int // attempts that another session took over
	JobID     int64
	Ref       string // the upstream's id of the accepted attempt
	Results   string // JSON of the upstream's result URLs, from downloading on
	Polls     int    // polls since the attempt was accepted

	QueuePosition *int
	QueueTotal    *int
	QueueETA      string

	ErrorKind    string
	ErrorMessage string
	Money        string // after a cancel: not_started, stopped or runs_on_upstream

	CreatedAt     int64
	UpdatedAt     int64
	StartedAt     int64 // first admission
	FinishedAt    int64
	StartDeadline int64
	Deadline      int64
	RunDeadline   int64 // of the current attempt, never after Deadline

	ArtifactBytes  int64 // size of the artifacts that are still kept
	ArtifactsUntil int64 // when their files are deleted, 0 for never by age

	Materials []Material
	Artifacts []Artifact

	Replayed bool // not stored: an earlier request has made the task
}

// Material is an input of a task, either stored in the blob store or a URL.
type Material struct {
	Kind        string `json:"kind"`
	Name        string `json:"name,omitempty"`
	ContentType string `json:"content_type,omitempty"`
	Size        int64  `json:"size,omitempty"`
	Blob        string `json:"blob,omitempty"`
	URL         string `json:"url,omitempty"`
	ID          string `json:"id,omitempty"` // of the stored material, see [StoredMaterial]
	SHA256      string `json:"sha256,omitempty"`
	Width       int    `json:"width,omitempty"`
	Height      int    `json:"height,omitempty"`
	LengthMS    int64  `json:"length_ms,omitempty"`
}

// Artifact is a result of a task in the blob store.
type Artifact struct {
	Kind        string `json:"kind"`
	ContentType string `json:"content_type"`
	Size        int64  `json:"size"`
	SHA256      string `json:"sha256"` // lower-case hex
	Blob        string `json:"blob"`   // "" when the file is no longer kept
	Width       int    `json:"width,omitempty"`
	Height      int    `json:"height,omitempty"`
	LengthMS    int64  `json:"length_ms,omitempty"`
	Poster      bool   `json:"poster,omitempty"` // a still of the artifact before it, made by the gateway
}
