package api

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/oklog/ulid/v2"

	"github.com/jimeng-gateway/jimeng-gateway/auth"
	"github.com/jimeng-gateway/jimeng-gateway/store"
)

// keyView is a key as clients see it. Limits of 0 mean no limit.
type keyView struct {
	ID          string     `json:"id"`
	Key         string     `json:"key,omitempty" doc:"The secret, only in the answer to its making."`
	Name        string     `json:"name"`
	Prefix      string     `json:"key_prefix" doc:"The first characters, to recognise the key."`
	Scopes      []string   `json:"scopes" nullable:"false"`
	Enabled     bool       `json:"enabled"`
	RateLimit   int        `json:"rate_limit" doc:"Requests a minute, 0 for no limit."`
	DailyQuota  int        `json:"daily_quota" doc:"Tasks a UTC day, 0 for no limit."`
	Concurrency int        `json:"concurrency" doc:"Tasks running at once, 0 for no limit."`
	Weight      int        `json:"weight" doc:"Share of the pool relative to other keys."`
	Wait        int        `json:"wait" doc:"Seconds that /v1/videos/generations waits for the video when the request does not say, 0 to answer at once."`
	Retention   int        `json:"retention" doc:"Seconds that results are kept, 0 for what is configured."`
	ExpiresAt   *time.Time `json:"expires_at" doc:"Null for never."`
	Metadata    object     `json:"metadata" doc:"The admin's own JSON object, null for none."`
	CreatedAt   *time.Time `json:"created_at"`
	UpdatedAt   *time.Time `json:"updated_at"`
	LastUsedAt  *time.Time `json:"last_used_at" doc:"Seconds behind, null for never."`
}

func keyViewOf(k *store.Key) *keyView {
	v := &keyView{
		ID: k.ID, Name: k.Name, Prefix: k.Prefix, Scopes: k.Scopes, Enabled: k.Enabled,
		RateLimit: k.RateLimit, DailyQuota: k.DailyQuota, Concurrency: k.Concurrency, Weight: k.Weight,
		Wait: k.Wait, Retention: k.Retention,
		ExpiresAt: timeOf(k.ExpiresAt), CreatedAt: timeOf(k.CreatedAt), UpdatedAt: timeOf(k.UpdatedAt), LastUsedAt: timeOf(k.LastUsedAt),
	}
	if k.Metadata != "" {
		v.Metadata = object{json.RawMessage(k.Metadata)}
	}
	return v
}

// KeyFields are what a key can be given when it is made and later. Null takes a
// limit away. (The type is exported because huma skips embedded ones that are not.)
type KeyFields struct {
	Scopes      change[[]string] `json:"scopes,omitempty" minItems:"1" doc:"A new key gets the first three."`
	Enabled     *bool            `json:"enabled,omitempty" doc:"A new key is enabled."`
	RateLimit   change[int]      `json:"rate_limit,omitempty" minimum:"0" maximum:"1000000" doc:"Requests a minute, 0 for no limit."`
	DailyQuota  change[int]      `json:"daily_quota,omitempty" minimum:"0" maximum:"1000000" doc:"Tasks a UTC day, 0 for no limit."`
	Concurrency change[int]      `json:"concurrency,omitempty" minimum:"0" maximum:"1000000" doc:"Tasks running at once, 0 for no limit."`
	Weight      *int             `json:"weight,omitempty" minimum:"1" maximum:"1000" doc:"Share of the pool relative to other keys, 1 for a new key."`
	Wait        change[int]      `json:"wait,omitempty" minimum:"0" maximum:"14400" doc:"Seconds that /v1/videos/generations waits for the video when the request does not say, 0 to answer at once."`
	Retention   change[int]      `json:"retention,omitempty" minimum:"0" maximum:"315360000" doc:"Seconds that results are kept, 0 for what is configured."`
	ExpiresAt   change[string]   `json:"expires_at,omitempty" doc:"RFC 3339, or YYYY-MM-DD HH:MM:SS in UTC; null for never." example:"2027-01-31T00:00:00Z"`
	Metadata    change[object]   `json:"metadata,omitempty" doc:"A JSON object of the admin's own."`
}

// TransformSchema implements [huma.SchemaTransformer].
func (*KeyFields) TransformSchema(_ huma.Registry, s *huma.Schema) *huma.Schema {
	for _, scope := range auth.Scopes {
		s.Properties["scopes"].Items.Enum = append(s.Properties["scopes"].Items.Enum, scope)
	}
	return s
}

func (f *KeyFields) apply(k *store.Key) error {
	f.Scopes.apply(&k.Scopes)
	f.RateLimit.apply(&k.RateLimit)
	f.DailyQuota.apply(&k.DailyQuota)
	f.Concurrency.apply(&k.Concurrency)
	f.Wait.apply(&k.Wait)
	f.Retention.apply(&k.Retention)
	if f.Enabled != nil {
		k.Enabled = *f.Enabled
	}
	if f.Weight != nil {
		k.Weight = *f.Weight
	}
	if f.ExpiresAt.Sent {
		expires, err := parseExpiry(f.ExpiresAt.Value, time.Now())
		if err != nil {
			return err
		}
		k.ExpiresAt = expires
	}
	if f.Metadata.Sent {
		k.Metadata = ""
		if raw := f.Metadata.Value.RawMessage; raw != nil && string(raw) != "null" {
			raw, err := json.Marshal(f.Metadata.Value)
			if err != nil {
				return fmt.Errorf("write metadata: %w", err)
			}
			k.Metadata = string(raw)
		}
	}
	return nil
}

// parseExpiry takes today's form of a time and the earlier gateway's two.
func parseExpiry(value string, now time.Time) (int64, error) {
	if value == "" {
		return 0, nil
	}
	for _, layout := range []string{time.RFC3339, time.DateTime, time.DateOnly} {
		if t, err := time.Parse(layout, value); err == nil {
			if !t.After(now) {
				return 0, &auth.InvalidError{Field: "expires_at", Message: "must be in the future"}
			}
			return t.UnixMilli(), nil
		}
	}
	return 0, &auth.InvalidError{Field: "expires_at", Message: "must be a time like 2027-01-31T00:00:00Z"}
}

func newID() string { return ulid.Make().String() }
