package auth

import (
	"context"
	"os"
	"slices"
	"testing"

	"go.uber.org/zap"

	"github.com/jimeng-gateway/jimeng-gateway/store"
)

// The check of a key costs no round trip, however many keys there are.
func BenchmarkKeys(b *testing.B) {
	for name, test := range map[string]struct{ keys, used int }{
		"one":                        {1, 1},
		"one of ten thousand":        {10_000, 1},
		"a hundred of ten thousand":  {10_000, 100},
		"ten thousand in their turn": {10_000, 10_000}, // which no cache of a processor holds
	} {
		b.Run(name, func(b *testing.B) {
			keys, n := manyKeys{}, test.keys
			requests := make([]string, n)
			for i := range requests {
				secret, hash, prefix := NewSecret()
				keys[hash] = &store.Key{ID: prefix + hash[:8], Hash: hash, Scopes: slices.Clone(DefaultScopes), Enabled: true, RateLimit: maxLimit}
				requests[i] = "Bearer " + secret
			}
			keyring, err := NewKeyring(keys, zap.NewNop())
			if err != nil {
				b.Fatal(err)
			}
			b.Cleanup(func() { _ = keyring.Stop(context.Background()) })
			a := New(Config{Keyring: keyring, Enabled: true, AdminToken: "a-long-admin-token", Logger: zap.NewNop()})
			r := request("GET", "")
			check := func(i int) {
				r.Header["Authorization"] = requests[i%n : i%n+1]
				p, err := a.Authenticate(r)
				if err != nil {
					b.Fatal(err)
				}
				keyring.Take(p)
			}
			for i := range n {
				check(i)
			}
			for hash := range keys { // from here on a look-up would fail
				delete(keys, hash)
			}
			b.ReportAllocs()
			i := 0
			for b.Loop() {
				check(i % test.used)
				i++
			}
		})
	}
}

type manyKeys map[string]*store.Key

func (m manyKeys) KeyByHash(_ context.Context, hash string) (*store.Key, error) {
	if key := m[hash]; key != nil {
		return key, nil
	}
	return nil, os.ErrClosed
}

func (manyKeys) AccessVersion(context.Context) (int64, error) { return 0, nil }

func (manyKeys) AddRequests(context.Context, map[string]int64, int64) error { return nil }
