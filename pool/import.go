package pool

import (
	"context"
	"errors"
	"strings"

	"go.uber.org/zap"

	"github.com/jimeng-gateway/jimeng-gateway/logs"
	"github.com/jimeng-gateway/jimeng-gateway/store"
)

// Imported is what has become of one session of [Pool.Import].
type Imported struct {
	Session *store.Session // nil if it was not added
	// Err is why not: an upstream.InvalidError, or [store.ErrConflict] if the
	// upstream has a session with the same secret.
	Err error
}

// Import stores sessions, in one write, and lets them work at once. One that is
// refused or known does not keep the others out; the answers are in the order of
// the sessions.
func (p *Pool) Import(ctx context.Context, news []NewSession) ([]Imported, error) {
	answers := make([]Imported, len(news))
	for i, n := range news {
		answers[i].Session, answers[i].Err = p.newSession(n)
	}
	err := p.store.Write(ctx, store.Durable, func(tx *store.Tx) error {
		for i, a := range answers {
			if a.Session == nil {
				continue
			}
			err := tx.InsertSession(a.Session)
			if answers[i].Err = err; errors.Is(err, store.ErrConflict) {
				continue
			} else if err != nil {
				return err
			}
			if err := tx.Audit(store.Act{Action: "session.add", TargetKind: "session", TargetID: a.Session.ID, Became: a.Session.Facts()}); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	var secrets []logs.Secret
	for i, a := range answers {
		if a.Err != nil {
			answers[i].Session = nil
			continue
		}
		s := a.Session
		secrets = append(secrets, logs.Secret{ID: s.ID, Name: s.Label, Text: strings.TrimSpace(news[i].Secret)})
		p.log.Info("session added", zap.String("session", s.ID), zap.String("upstream", s.Upstream), zap.String("session_label", s.Label))
	}
	p.secrets.Add(secrets...)
	return answers, nil
}

// newSession is the session to store, or why there is none.
func (p *Pool) newSession(n NewSession) (*store.Session, error) {
	name, err := p.upstreamName(n.Upstream)
	if err != nil {
		return nil, err
	}
	secret := strings.TrimSpace(n.Secret)
	if err := checkSecret(secret); err != nil {
		return nil, err
	}
	if err := checkLabel(n.Label); err != nil {
		return nil, err
	}
	if n.Slots == 0 {
		n.Slots = DefaultSlots
	}
	if err := checkSlots(n.Slots); err != nil {
		return nil, err
	}
	return &store.Session{
		ID:          store.NewID("ses_"),
		Upstream:    name,
		Label:       strings.TrimSpace(n.Label),
		Secret:      p.vault.Seal([]byte(secret)),
		Hint:        mask(secret),
		Fingerprint: p.vault.Fingerprint([]byte(secret)),
		Slots:       n.Slots,
		Enabled:     true,
		State:       store.Ready,
	}, nil
}
