package logs

import (
	"cmp"
	"hash/maphash"
	"maps"
	"strings"
	"sync"
	"sync/atomic"
)

// Secret is the secret of a session.
type Secret struct {
	ID   string // of the session
	Name string // that people know the session by; "" for its id
	Text string // as it is sent to the upstream, perhaps [PROXY@][REGION-]SESSIONID
}

// Secrets recognises the secrets of sessions in lines. It keeps no secret, only
// hashes that are worth nothing outside of this process, and forgets none: a
// session that is gone may still be in a log.
type Secrets struct {
	seed  maphash.Seed
	known atomic.Pointer[knownSecrets]

	adding sync.Mutex
}

type knownSecrets struct {
	words map[uint64]owner
	names map[string]string // of the sessions, by id
}

type owner struct{ id, name string }

// NewSecrets makes an empty set.
func NewSecrets() *Secrets {
	s := &Secrets{seed: maphash.MakeSeed()}
	s.known.Store(&knownSecrets{})
	return s
}

// Has reports whether the session's secret is there under this name.
func (s *Secrets) Has(id, name string) bool {
	known, ok := s.known.Load().names[id]
	return ok && known == name
}

// Add adds secrets, or gives those that are there another name.
func (s *Secrets) Add(secrets ...Secret) {
	s.adding.Lock()
	defer s.adding.Unlock()
	old := s.known.Load()
	added := &knownSecrets{make(map[uint64]owner, len(old.words)+len(secrets)), make(map[string]string, len(old.names)+len(secrets))}
	maps.Copy(added.words, old.words)
	maps.Copy(added.names, old.names)
	for _, secret := range secrets {
		o := owner{secret.ID, cmp.Or(secret.Name, secret.ID)}
		added.names[secret.ID] = secret.Name
		for _, word := range secretWordsOf(secret.Text) {
			added.words[maphash.String(s.seed, word)] = o
		}
	}
	s.known.Store(added)
}

// Known is what a [Masker] asks.
func (s *Secrets) Known(word string) (id, name string, ok bool) {
	o, ok := s.known.Load().words[maphash.String(s.seed, word)]
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
