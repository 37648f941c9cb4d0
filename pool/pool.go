// Package pool keeps the sessions of all upstreams: which may be chosen, what a
// fault does to them, and how they come back.
package pool

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync/atomic"
	"time"
	"unicode"
	"unicode/utf8"

	"go.uber.org/zap"

	"github.com/jimeng-gateway/jimeng-gateway/logs"
	"github.com/jimeng-gateway/jimeng-gateway/store"
	"github.com/jimeng-gateway/jimeng-gateway/upstream"
)

// ErrBusy is returned when a session cannot be removed because a task runs on
// it: an accepted task is bound to its session for life.
var ErrBusy = errors.New("a task runs on the session")

// ErrOutOfService is returned when a session is disabled or dead, and what was
// asked for would put it to work again by a back door.
var ErrOutOfService = errors.New("the session is out of service")

// DefaultSlots is the number of attempts that a session runs at once unless
// told otherwise: what one Jimeng account does without being held back.
const DefaultSlots = 2

// maxSlots keeps a typing error from sending everything to one account.
const maxSlots = 1000

// Pool is the sessions of all upstreams.
type Pool struct {
	store   *store.Store
	vault   *store.Vault
	log     *zap.Logger
	secrets *logs.Secrets
	drivers atomic.Pointer[map[string]upstream.Driver]

	probeEvery atomic.Int64 // see [Pool.ProbeEvery]
}

// New makes a pool without upstreams; see [Pool.Configure]. The secrets of all
// sessions that it opens or learns go into secrets, for whoever has to keep them
// out of a log.
func New(st *store.Store, vault *store.Vault, secrets *logs.Secrets, log *zap.Logger) *Pool {
	p := &Pool{store: st, vault: vault, log: log, secrets: secrets}
	p.Configure(nil)
	return p
}

// Verify returns an error if the vault does not have the keys that the stored
// sessions were sealed with: a node with another key must not start, because it
// could run none of their tasks.
func (p *Pool) Verify(ctx context.Context) error {
	sessions, err := p.store.Sessions(ctx)
	if err != nil {
		return err
	}
	if err = p.know(sessions); err != nil {
		return fmt.Errorf("%w; give back the old key (SECRET_KEY, or secret.key in the data folder), "+
			"or empty the table sessions to begin anew", err)
	}
	return nil
}

// Configure sets the upstreams by name.
func (p *Pool) Configure(drivers map[string]upstream.Driver) { p.drivers.Store(&drivers) }

// Driver returns the driver of a configured upstream.
func (p *Pool) Driver(name string) (upstream.Driver, bool) {
	driver, ok := (*p.drivers.Load())[name]
	return driver, ok
}

// Sessions lists all sessions, oldest first.
func (p *Pool) Sessions(ctx context.Context) ([]*store.Session, error) { return p.store.Sessions(ctx) }

// Session returns one session, or [store.ErrNotFound].
func (p *Pool) Session(ctx context.Context, id string) (*store.Session, error) {
	return p.store.Session(ctx, id)
}

// NewSession is what an admin gives to add a session.
type NewSession struct {
	Upstream string // "" for the only configured one
	Secret   string
	Label    string
	Slots    int // 0 for [DefaultSlots]
}

// Add stores a session and lets it work at once. It returns an
// [*upstream.InvalidError], or [store.ErrConflict] if the upstream has a
// session with the same secret.
func (p *Pool) Add(ctx context.Context, n NewSession) (*store.Session, error) {
	imported, err := p.Import(ctx, []NewSession{n})
	if err != nil {
		return nil, err
	}
	return imported[0].Session, imported[0].Err
}

func (p *Pool) upstreamName(name string) (string, error) {
	names := slices.Sorted(maps.Keys(*p.drivers.Load()))
	switch {
	case name == "" && len(names) == 1:
		return names[0], nil
	case slices.Contains(names, name):
		return name, nil
	case len(names) == 0:
		return "", &upstream.InvalidError{Field: "upstream", Message: "no upstream is configured"}
	default:
		return "", &upstream.InvalidError{Field: "upstream", Message: "must be one of " + strings.Join(names, ", ")}
	}
}

func checkSecret(secret string) error {
	switch {
	case secret == "":
		return &upstream.InvalidError{Field: "session_id", Message: "must not be empty"}
	case len(secret) > 8192:
		return &upstream.InvalidError{Field: "session_id", Message: "must not be longer than 8192 bytes"}
	case strings.ContainsFunc(secret, func(r rune) bool { return r <= ' ' || r == ',' || r >= 0x7f }):
		// An upstream takes a comma as a list of accounts and picks one at random.
		return &upstream.InvalidError{Field: "session_id", Message: "must be one session id: no spaces, commas or characters outside ASCII"}
	}
	return nil
}

// checkLabel refuses what could forge a line of a log or turn a text around.
func checkLabel(label string) error {
	forging := func(r rune) bool { return unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) }
	if !utf8.ValidString(label) || strings.ContainsFunc(label, forging) {
		return &upstream.InvalidError{Field: "label", Message: "must not contain control characters"}
	}
	return nil
}

func checkSlots(n int) error {
	if n < 1 || n > maxSlots {
		return &upstream.InvalidError{Field: "slots", Message: fmt.Sprintf("must be from 1 to %d", maxSlots)}
	}
	return nil
}

// mask shows enough of a secret to recognise it and too little to use it.
func mask(secret string) string {
	if len(secret) < 16 {
		return "••••"
	}
	return secret[:4] + "…" + secret[len(secret)-4:]
}

// Change is what an admin changes of a session; nil fields stay.
type Change struct {
	Enabled *bool
	Label   *string
	Slots   *int
}

// Change edits a session. Enabling one also brings it back from any state of
// ill health: an admin knows better.
func (p *Pool) Change(ctx context.Context, id string, c Change) (*store.Session, error) {
	if c.Slots != nil {
		if err := checkSlots(*c.Slots); err != nil {
			return nil, err
		}
	}
	if c.Label != nil {
		if err := checkLabel(*c.Label); err != nil {
			return nil, err
		}
	}
	return p.update(ctx, "session.change", id, func(_ *store.Tx, s *store.Session) error {
		if c.Label != nil {
			s.Label = strings.TrimSpace(*c.Label)
		}
		if c.Slots != nil {
			s.Slots = *c.Slots
		}
		if c.Enabled != nil {
			s.Enabled = *c.Enabled
			if *c.Enabled {
				p.revived(s)
			}
		}
		return nil
	})
}

// update changes a session; action is what the audit log calls that.
func (p *Pool) update(ctx context.Context, action, id string, change func(*store.Tx, *store.Session) error) (session *store.Session, err error) {
	err = p.store.Write(ctx, store.Durable, func(tx *store.Tx) error {
		if session, err = tx.Session(id); err != nil {
			return err
		}
		was := session.Facts()
		if err := change(tx, session); err != nil {
			return err
		}
		if err := tx.UpdateSession(session); err != nil {
			return err
		}
		return tx.Audit(store.Act{Action: action, TargetKind: "session", TargetID: id, Was: was, Became: session.Facts()})
	})
	return session, err
}

// Remove deletes a session, or returns [ErrBusy].
func (p *Pool) Remove(ctx context.Context, id string) error {
	return p.store.Write(ctx, store.Durable, func(tx *store.Tx) error {
		session, err := tx.Session(id)
		if err != nil {
			return err
		}
		if session.Running > 0 {
			return ErrBusy
		}
		if err := tx.DeleteSession(id); err != nil {
			return err
		}
		return tx.Audit(store.Act{Action: "session.remove", TargetKind: "session", TargetID: id, Was: session.Facts()})
	})
}

// Open gives the session as a driver needs it, with its secret.
func (p *Pool) Open(s *store.Session) (upstream.Session, error) {
	secret, err := p.vault.Open(s.Secret)
	if err != nil {
		return upstream.Session{}, fmt.Errorf("open session %s: %w", s.ID, err)
	}
	if !p.secrets.Has(s.ID, s.Label) { // before anybody can write it into a log
		p.secrets.Add(secretOf(s, secret))
	}
	return upstream.Session{ID: s.ID, Secret: string(secret)}, nil
}

// revive makes a session ready as if it had never failed.
func revive(s *store.Session) {
	s.State, s.Until, s.Reason, s.Faults = store.Ready, 0, "", 0
}

// revived is revive, and tells of it.
func (p *Pool) revived(s *store.Session) {
	if s.State != store.Ready {
		p.log.Info("session in service again", zap.String("upstream", s.Upstream), zap.String("session", s.ID), zap.String("session_label", s.Label),
			zap.String("was", string(s.State)))
	}
	revive(s)
}

// until is the moment of a pause from now, in the store's milliseconds.
func until(now int64, pause time.Duration) int64 { return now + pause.Milliseconds() }
