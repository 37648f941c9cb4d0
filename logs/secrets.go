package logs

import (
	"hash/maphash"
	"strings"
	"sync/atomic"
)

// Secret is the secret of a session.
type Secret struct {
	ID   string // of the session
	Name string // that people know the session by; "" for its id
	Text string // as it is sent to the upstream, perhaps [PROXY@][REGION-]SESSIONID
}

// Secrets recognises the secrets of sessions in lines. It keeps no secret, only
// hashes that are worth nothing outside of this process.
type Secrets struct {
	seed  maphash.Seed
	known atomic.Pointer[map[uint64]owner]
}

type owner struct{ id, name string }

// NewSecrets makes an empty set.
func NewSecrets() *Secrets {
	s := &Secrets{seed: maphash.MakeSeed()}
	s.known.Store(new(map[uint64]owner))
	return s
}

// Set replaces all secrets.
func (s *Secrets) Set(secrets []Secret) {
	known := make(map[uint64]owner, len(secrets))
	for _, secret := range secrets {
		o := owner{secret.ID, secret.Name}
		if o.name == "" {
			o.name = o.id
		}
		for _, word := range secretWordsOf(secret.Text) {
			known[maphash.String(s.seed, word)] = o
		}
	}
	s.known.Store(&known)
}

// Known is what a [Masker] asks.
func (s *Secrets) Known(word string) (id, name string, ok bool) {
	o, ok := (*s.known.Load())[maphash.String(s.seed, word)]
	return o.id, o.name, ok
}

// secretWordsOf lists the words by which a secret is recognised: the one that is the
// account's, with and without its region. A secret of several words, none of which
// is that of an account alone, is recognised by each that is no ordinary one.
func secretWordsOf(secret string) (words []string) {
	account := secret[strings.LastIndexByte(secret, '@')+1:]
	var parts []string
	for i := 0; i < len(account); {
		from, to := nextWord(account, i)
		parts, i = append(parts, account[from:to]), to
	}
	const ordinary = 16
	for _, part := range parts {
		if len(part) >= ShortestKnown && (len(parts) == 1 || len(part) >= ordinary) {
			words = append(words, part)
			if region, id, ok := strings.Cut(part, "-"); ok && len(region) == 2 && len(id) >= ShortestKnown {
				words = append(words, id)
			}
		}
	}
	return words
}
