package store

// Key is an API key. Only the hash of its secret is kept. Times are Unix
// milliseconds; limits of 0 mean no limit.
type Key struct {
	ID          string
	Name        string
	Hash        string // lower-case hex SHA-256 of the whole key, "" for an implicit key
	Prefix      string // first characters, for people to recognise it
	Scopes      []string
	Enabled     bool
	Implicit    bool // belongs to ADMIN_TOKEN or to the gateway without authentication
	RateLimit   int  // requests a minute
	DailyQuota  int  // tasks a UTC day
	Concurrency int  // running tasks
	Weight      int  // share of the pool relative to other keys, at least 1
	Wait        int  // seconds that a create of a blocking dialect waits for the result, 0 to answer at once
	Retention   int  // seconds that artifacts are kept, 0 for what is configured
	ExpiresAt   int64
	Metadata    string // JSON of the admin's own, "" for none
	CreatedAt   int64
	UpdatedAt   int64
	LastUsedAt  int64
}
