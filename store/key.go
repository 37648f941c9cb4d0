package store

import "net/netip"

// Key is an API key. Only the hash of its secret is kept. Times are Unix
// milliseconds; limits of 0 mean no limit.
type Key struct {
	ID          string
	Name        string
	Hash        string // lower-case hex SHA-256 of the whole key, "" for an implicit key
	Prefix      string // first characters, for people to recognise it
	Scopes      []string
	Enabled     bool
	Implicit    bool           // belongs to ADMIN_TOKEN or to the gateway without authentication
	RateLimit   int            // requests a minute
	DailyQuota  int            // tasks a day, see [Store.Day]
	Concurrency int            // running tasks
	Weight      int            // share of the pool relative to other keys, at least 1
	Wait        int            // seconds that a create of a blocking dialect waits for the result, 0 to answer at once
	Retention   int            // seconds that artifacts are kept, 0 for what is configured
	MaxPriority int            // the highest that a task may ask for; implicit keys have no such limit
	Models      []string       // that tasks may use, by id or alias; empty for all
	Networks    []netip.Prefix // that the key may be used from; empty for all
	MaxUpload   int64          // bytes of one file, 0 for what is configured
	// What the key's tasks may cost, in thousandths of a credit.
	CreditsPerDay   int64
	CreditsPerMonth int64
	// OldHash is the secret before the last rotation, which works until OldUntil.
	// It is kept after that, so that whoever still uses it learns why it is refused.
	OldHash    string
	OldUntil   int64
	ExpiresAt  int64
	Metadata   string // JSON of the admin's own, "" for none
	CreatedAt  int64
	UpdatedAt  int64
	LastUsedAt int64
}
