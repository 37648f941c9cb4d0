package api

import (
	"encoding/json"
	"fmt"
	"math"
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
	DailyQuota  int        `json:"daily_quota" doc:"Tasks a day, 0 for no limit."`
	Concurrency int        `json:"concurrency" doc:"Tasks running at once, 0 for no limit."`
	Weight      int        `json:"weight" doc:"Share of the pool relative to other keys."`
	Wait        int        `json:"wait" doc:"Seconds that /v1/videos/generations waits for the video when the request does not say, 0 to answer at once."`
	Retention   int        `json:"retention" doc:"Seconds that results are kept, 0 for what is configured."`
	MaxPriority int        `json:"max_priority" doc:"The highest priority that its tasks may ask for."`
	Models      []string   `json:"models" nullable:"false" doc:"The models that it may use, by id or alias; empty for all."`
	Networks    []string   `json:"networks" nullable:"false" doc:"The addresses and networks that it may be used from; empty for all."`
	MaxUpload   int64      `json:"max_upload" doc:"Bytes of one file, 0 for what is configured."`
	ExpiresAt   *time.Time `json:"expires_at" doc:"Null for never."`
	OldKeyUntil *time.Time `json:"old_key_until" doc:"Until when the secret before the last rotation works; null for no longer."`

	CreditsPerDay   float64 `json:"credits_per_day" doc:"What its tasks of a day may cost by the models' prices, 0 for no limit. A model without a price costs nothing."`
	CreditsPerMonth float64 `json:"credits_per_month" doc:"What its tasks of a month may cost, 0 for no limit."`

	Metadata   object     `json:"metadata" doc:"The admin's own JSON object, null for none."`
	CreatedAt  *time.Time `json:"created_at"`
	UpdatedAt  *time.Time `json:"updated_at"`
	LastUsedAt *time.Time `json:"last_used_at" doc:"Seconds behind, null for never."`
}

func keyViewOf(k *store.Key) *keyView {
	v := &keyView{
		ID: k.ID, Name: k.Name, Prefix: k.Prefix, Scopes: k.Scopes, Enabled: k.Enabled,
		RateLimit: k.RateLimit, DailyQuota: k.DailyQuota, Concurrency: k.Concurrency, Weight: k.Weight,
		Wait: k.Wait, Retention: k.Retention,
		MaxPriority: k.MaxPriority, Models: listOf(k.Models), Networks: auth.NetworkTexts(k.Networks), MaxUpload: k.MaxUpload,
		CreditsPerDay: float64(k.CreditsPerDay) / 1000, CreditsPerMonth: float64(k.CreditsPerMonth) / 1000, OldKeyUntil: oldKeyUntil(k),
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
	DailyQuota  change[int]      `json:"daily_quota,omitempty" minimum:"0" maximum:"1000000" doc:"Tasks a day, 0 for no limit."`
	Concurrency change[int]      `json:"concurrency,omitempty" minimum:"0" maximum:"1000000" doc:"Tasks running at once, 0 for no limit."`
	Weight      *int             `json:"weight,omitempty" minimum:"1" maximum:"1000" doc:"Share of the pool relative to other keys, 1 for a new key."`
	Wait        change[int]      `json:"wait,omitempty" minimum:"0" maximum:"14400" doc:"Seconds that /v1/videos/generations waits for the video when the request does not say, 0 to answer at once."`
	Retention   change[int]      `json:"retention,omitempty" minimum:"0" maximum:"315360000" doc:"Seconds that results are kept, 0 for what is configured."`
	MaxPriority change[*int]     `json:"max_priority,omitempty" minimum:"-100" maximum:"100" doc:"The highest priority that its tasks may ask for; null for 100."`
	Models      change[[]string] `json:"models,omitempty" maxItems:"100" doc:"The models that it may use, by id or alias; null for all." example:"[\"seedance-2.0\"]"`
	Networks    change[[]string] `json:"networks,omitempty" maxItems:"100" doc:"The addresses and networks that it may be used from; null for all." example:"[\"192.0.2.7\",\"2001:db8::/32\"]"`
	MaxUpload   change[int64]    `json:"max_upload,omitempty" minimum:"0" maximum:"1099511627776" doc:"Bytes of one file, 0 for what is configured."`

	CreditsPerDay   change[float64] `json:"credits_per_day,omitempty" minimum:"0" maximum:"1000000000" doc:"What its tasks of a day may cost by the models' prices, with up to three decimals; 0 for no limit."`
	CreditsPerMonth change[float64] `json:"credits_per_month,omitempty" minimum:"0" maximum:"1000000000" doc:"What its tasks of a month may cost; 0 for no limit."`

	ExpiresAt change[string] `json:"expires_at,omitempty" doc:"RFC 3339, or YYYY-MM-DD HH:MM:SS in UTC; null for never." example:"2027-01-31T00:00:00Z"`
	Metadata  change[object] `json:"metadata,omitempty" doc:"A JSON object of the admin's own."`
}

// TransformSchema implements [huma.SchemaTransformer].
func (*KeyFields) TransformSchema(_ huma.Registry, s *huma.Schema) *huma.Schema {
	for _, scope := range auth.Scopes {
		s.Properties["scopes"].Items.Enum = append(s.Properties["scopes"].Items.Enum, scope)
	}
	for _, list := range []string{"models", "networks"} {
		s.Properties[list].Nullable = true
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
	if f.MaxPriority.Sent {
		k.MaxPriority = maxPriority
		if p := f.MaxPriority.Value; p != nil {
			k.MaxPriority = *p
		}
	}
	f.Models.apply(&k.Models)
	if f.Networks.Sent {
		networks, err := auth.ParseNetworks(f.Networks.Value)
		if err != nil {
			return err
		}
		k.Networks = networks
	}
	f.MaxUpload.apply(&k.MaxUpload)
	if err := applyCredits("credits_per_day", f.CreditsPerDay, &k.CreditsPerDay); err != nil {
		return err
	}
	if err := applyCredits("credits_per_month", f.CreditsPerMonth, &k.CreditsPerMonth); err != nil {
		return err
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

// applyCredits takes credits with up to three decimals.
func applyCredits(field string, sent change[float64], target *int64) error {
	thousandths := math.Round(sent.Value * 1000)
	if math.Abs(sent.Value*1000-thousandths) > 1e-3 || sent.Value != 0 && thousandths == 0 {
		return &auth.InvalidError{Field: field, Message: "can have three decimals at most"}
	}
	if sent.Sent {
		*target = int64(thousandths)
	}
	return nil
}

// oldKeyUntil is when the time of the old secret is over, nil if it is.
func oldKeyUntil(k *store.Key) *time.Time {
	if k.OldUntil <= time.Now().UnixMilli() {
		return nil
	}
	return timeOf(k.OldUntil)
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
