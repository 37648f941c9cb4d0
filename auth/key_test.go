package auth

import (
	"errors"
	"strings"
	"testing"

	"github.com/jimeng-gateway/jimeng-gateway/store"
)

func TestNewSecret(t *testing.T) {
	t.Parallel()
	secret, hash, prefix := NewSecret()
	if !wellFormed(secret) || hash != Hash(secret) || len(hash) != 64 || !strings.HasPrefix(secret, prefix) || len(prefix) != 11 {
		t.Errorf("secret %q, hash %q, prefix %q", secret, hash, prefix)
	}
	if other, _, _ := NewSecret(); other == secret {
		t.Error("two keys are the same")
	}
}

func TestWellFormed(t *testing.T) {
	t.Parallel()
	good, _, _ := NewSecret()
	for _, secret := range []string{
		"", "gw_", good[:34], good + "0", strings.ToUpper(good), "GW_" + good[3:], "sk_" + good[3:],
		good[:34] + "g", " " + good[1:], "gw_" + strings.Repeat("а", 16), // the Cyrillic letter
		good[:34] + "\n",
	} {
		if wellFormed(secret) {
			t.Errorf("%q passes", secret)
		}
	}
}

func TestCheckKey(t *testing.T) {
	t.Parallel()
	key := func(change func(*store.Key)) *store.Key {
		k := &store.Key{Name: "farm", Scopes: []string{VideoCreate, TaskRead}, Weight: 1, Metadata: `{"team":"a"}`}
		change(k)
		return k
	}
	if err := CheckKey(key(func(*store.Key) {})); err != nil {
		t.Fatal(err)
	}
	tests := map[string]struct {
		change func(*store.Key)
		want   string // field and a part of the message
	}{
		"no name":         {func(k *store.Key) { k.Name = "  " }, "name: must not be empty"},
		"long name":       {func(k *store.Key) { k.Name = strings.Repeat("ä", 101) }, "name: has 101 characters"},
		"control in name": {func(k *store.Key) { k.Name = "a\nb" }, "name: must not contain control"},
		"bidi in name":    {func(k *store.Key) { k.Name = "a\u202eb" }, "name: must not contain control"},
		"no scope":        {func(k *store.Key) { k.Scopes = nil }, "scopes: must name at least one of video:create"},
		"unknown scope":   {func(k *store.Key) { k.Scopes = []string{"root"} }, `scopes: "root" is unknown, allowed: video:create`},
		"scope twice":     {func(k *store.Key) { k.Scopes = []string{Admin, Admin} }, `scopes: "admin" is named twice`},
		"negative rate":   {func(k *store.Key) { k.RateLimit = -1 }, "rate_limit: must be between 0 and"},
		"huge quota":      {func(k *store.Key) { k.DailyQuota = 1 << 40 }, "daily_quota: must be between 0 and"},
		"no weight":       {func(k *store.Key) { k.Weight = 0 }, "weight: must be between 1 and 1000"},
		"metadata list":   {func(k *store.Key) { k.Metadata = "[]" }, "metadata: must be a JSON object"},
		"metadata size":   {func(k *store.Key) { k.Metadata = strings.Repeat("x", 20_000) }, "metadata: has 20000 bytes"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := CheckKey(key(test.change))
			if _, ok := errors.AsType[*InvalidError](err); !ok || !strings.HasPrefix(err.Error(), test.want) {
				t.Errorf("got %v, want %q…", err, test.want)
			}
		})
	}
}
