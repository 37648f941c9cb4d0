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
	LogRead     = "log:read"     // of the upstreams' containers and the gateway: prompts of everybody
	Admin       = "admin"
)

// Scopes lists every scope that a key can have.
var Scopes = []string{VideoCreate, TaskRead, TaskCancel, TaskRetry, TaskDelete, EveryTask, PoolRead, SessionTest, LogRead, Admin}

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

	maxPriority = 100
	maxModels   = 100
	maxModel    = 100 // bytes
	maxNetworks = 100
	maxUpload   = 1 << 40           // bytes
	maxCredits  = 1_000_000_000_000 // thousandths

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
		value    int64
		min, max int64
	}{
		{"rate_limit", int64(k.RateLimit), 0, maxLimit},
		{"daily_quota", int64(k.DailyQuota), 0, maxLimit},
		{"concurrency", int64(k.Concurrency), 0, maxLimit},
		{"weight", int64(k.Weight), 1, maxWeight},
		{"wait", int64(k.Wait), 0, maxWait},
		{"retention", int64(k.Retention), 0, maxRetention},
		{"max_priority", int64(k.MaxPriority), -maxPriority, maxPriority},
		{"max_upload", k.MaxUpload, 0, maxUpload},
	} {
		if limit.value < limit.min || limit.value > limit.max {
			return &InvalidError{limit.field, fmt.Sprintf("must be between %d and %d", limit.min, limit.max)}
		}
	}
	for field, credits := range map[string]int64{"credits_per_day": k.CreditsPerDay, "credits_per_month": k.CreditsPerMonth} {
		if credits < 0 || credits > maxCredits {
			return &InvalidError{field, fmt.Sprintf("must be between 0 and %d", maxCredits/1000)}
		}
	}
	if err := checkModels(k.Models); err != nil {
		return err
	}
	if len(k.Networks) > maxNetworks {
		return &InvalidError{"networks", fmt.Sprintf("has %d entries, at most %d are allowed", len(k.Networks), maxNetworks)}
	}
	if len(k.Metadata) > maxMetadata {
		return &InvalidError{"metadata", fmt.Sprintf("has %d bytes, at most %d are allowed", len(k.Metadata), maxMetadata)}
	}
	if k.Metadata != "" && (!json.Valid([]byte(k.Metadata)) || k.Metadata[0] != '{') {
		return &InvalidError{"metadata", "must be a JSON object"}
	}
	return nil
}

// checkModels takes names that no model has now: the catalogue changes.
func checkModels(models []string) error {
	if len(models) > maxModels {
		return &InvalidError{"models", fmt.Sprintf("has %d entries, at most %d are allowed", len(models), maxModels)}
	}
	for i, model := range models {
		if model == "" || len(model) > maxModel || !utf8.ValidString(model) || strings.ContainsFunc(model, unprintable) {
			return &InvalidError{"models", "must be ids or aliases of models"}
		}
		if slices.Contains(models[:i], model) {
			return &InvalidError{"models", fmt.Sprintf("%q is named twice", model)}
		}
	}
	return nil
}

// unprintable finds what could forge a line of a log or turn a text around.
func unprintable(r rune) bool {
	return unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r)
}
