// Package auth decides who a caller is and what it may do: API keys, their rate
// limits, the browser sessions of the dashboard, and signed links.
package auth

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/jimeng-gateway/jimeng-gateway/store"
)

// The scopes of a key. Admin includes all the others.
const (
	VideoCreate = "video:create"
	TaskRead    = "task:read"
	TaskCancel  = "task:cancel"
	TaskRetry   = "task:retry"
	TaskDelete  = "task:delete"
	EveryTask   = "task:all"     // in place of one's own tasks only
	PoolRead    = "pool:read"    // sessions, without their secrets, and why they are not used
	SessionTest = "session:test" // costs nothing at the upstream
	Admin       = "admin"
)

// Scopes lists every scope that a key can have.
var Scopes = []string{VideoCreate, TaskRead, TaskCancel, TaskRetry, TaskDelete, EveryTask, PoolRead, SessionTest, Admin}

// DefaultScopes are what a new key gets when nobody says otherwise, as in the
// gateway before this one.
var DefaultScopes = []string{VideoCreate, TaskRead, TaskCancel}

const (
	keyPrefix = "gw_"
	// keyLength is the prefix and 32 lower-case hex digits: 128 random bits, so
	// that a plain SHA-256 protects the key as well as any slow hash would.
	keyLength = len(keyPrefix) + 32
	// shownLength is how much of a key is kept in clear, for people to tell
	// their keys apart; 96 secret bits remain.
	shownLength = 11
)

// NewSecret makes the secret of a key and what the store keeps of it. The
// secret itself is shown to the caller once and never stored.
func NewSecret() (secret, hash, prefix string) {
	var random [16]byte
	_, _ = rand.Read(random[:]) // never fails, see crypto/rand
	secret = keyPrefix + hex.EncodeToString(random[:])
	return secret, Hash(secret), secret[:shownLength]
}

// Hash is the form in which a secret is stored and looked up: lower-case hex of
// its SHA-256.
func Hash(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return hex.EncodeToString(sum[:])
}

// wellFormed tells a possible key from anything else, without a look-up.
func wellFormed(secret string) bool {
	if len(secret) != keyLength || !strings.HasPrefix(secret, keyPrefix) {
		return false
	}
	for _, c := range []byte(secret[len(keyPrefix):]) {
		if (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}

// InvalidError is an attribute that a key cannot have. Its message names the
// field and what is allowed, and is meant for the client.
type InvalidError struct {
	Field   string // as in the client's request
	Message string
}

func (e *InvalidError) Error() string { return e.Field + ": " + e.Message }

// Bounds of a key's attributes; far above anything sensible, they only keep
// slips and nonsense out.
const (
	maxName     = 100
	maxLimit    = 1_000_000
	maxWeight   = 1000
	maxMetadata = 16 << 10

	maxWait      = 4 * 60 * 60          // seconds
	maxRetention = 10 * 365 * 24 * 3600 // seconds
)

// CheckKey returns an [*InvalidError] if the key cannot be stored like this.
func CheckKey(k *store.Key) error {
	if name := strings.TrimSpace(k.Name); name == "" {
		return &InvalidError{"name", "must not be empty"}
	}
	if n := utf8.RuneCountInString(k.Name); n > maxName {
		return &InvalidError{"name", fmt.Sprintf("has %d characters, at most %d are allowed", n, maxName)}
	}
	if !utf8.ValidString(k.Name) || strings.ContainsFunc(k.Name, unprintable) {
		return &InvalidError{"name", "must not contain control characters"}
	}
	if len(k.Scopes) == 0 {
		return &InvalidError{"scopes", "must name at least one of " + strings.Join(Scopes, ", ")}
	}
	for i, scope := range k.Scopes {
		if !slices.Contains(Scopes, scope) {
			return &InvalidError{"scopes", fmt.Sprintf("%q is unknown, allowed: %s", scope, strings.Join(Scopes, ", "))}
		}
		if slices.Contains(k.Scopes[:i], scope) {
			return &InvalidError{"scopes", fmt.Sprintf("%q is named twice", scope)}
		}
	}
	for _, limit := range []struct {
		field    string
		value    int
		min, max int
	}{
		{"rate_limit", k.RateLimit, 0, maxLimit},
		{"daily_quota", k.DailyQuota, 0, maxLimit},
		{"concurrency", k.Concurrency, 0, maxLimit},
		{"weight", k.Weight, 1, maxWeight},
		{"wait", k.Wait, 0, maxWait},
		{"retention", k.Retention, 0, maxRetention},
	} {
		if limit.value < limit.min || limit.value > limit.max {
			return &InvalidError{limit.field, fmt.Sprintf("must be between %d and %d", limit.min, limit.max)}
		}
	}
	if len(k.Metadata) > maxMetadata {
		return &InvalidError{"metadata", fmt.Sprintf("has %d bytes, at most %d are allowed", len(k.Metadata), maxMetadata)}
	}
	if k.Metadata != "" && (!json.Valid([]byte(k.Metadata)) || k.Metadata[0] != '{') {
		return &InvalidError{"metadata", "must be a JSON object"}
	}
	return nil
}

// unprintable finds what could forge a line of a log or turn a text around.
func unprintable(r rune) bool {
	return unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r)
}

// expired reports whether the key's time is over.
func expired(k *store.Key, now time.Time) bool {
	return k.ExpiresAt != 0 && now.UnixMilli() >= k.ExpiresAt
}
