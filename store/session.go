package store

// SessionState is the health of a session as it is stored. A session whose
// Enabled is false is disabled, whatever its state.
type SessionState string

const (
	Ready     SessionState = "ready"
	Cooling   SessionState = "cooling"
	Exhausted SessionState = "exhausted"
	Dead      SessionState = "dead"
)

// Session is one account of an upstream. Times are Unix milliseconds.
type Session struct {
	ID            string
	Upstream      string
	Label         string
	Secret        []byte // sealed by a [Vault]
	Hint          string // the masked secret, safe to show
	Fingerprint   string // keyed hash of the secret, to refuse the same account twice
	Slots         int
	Running       int
	Enabled       bool
	State         SessionState
	Until         int64 // when cooling or exhausted ends, 0 for never by itself
	Reason        string
	Faults        int // passing faults in a row
	Credits       *int64
	CreditsExpire int64
	Succeeded     int64
	Failed        int64
	CreatedAt     int64
	UpdatedAt     int64
	LastUsedAt    int64
	ProbedAt      int64
}
