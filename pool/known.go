package pool

import (
	"context"
	"fmt"

	"github.com/jimeng-gateway/jimeng-gateway/logs"
	"github.com/jimeng-gateway/jimeng-gateway/store"
)

// Learn opens the sessions that the pool has not opened yet, so that their secrets
// are recognised: another node may use them, and the same upstream.
func (p *Pool) Learn(ctx context.Context) error {
	sessions, err := p.store.Sessions(ctx)
	if err != nil {
		return err
	}
	return p.know(sessions)
}

// know returns the first fault and learns the others.
func (p *Pool) know(sessions []*store.Session) (fault error) {
	var fresh []logs.Secret
	for _, s := range sessions {
		if p.secrets.Has(s.ID, s.Label) {
			continue
		}
		secret, err := p.vault.Open(s.Secret)
		if err == nil {
			fresh = append(fresh, secretOf(s, secret))
		} else if fault == nil {
			fault = fmt.Errorf("open session %s: %w", s.ID, err)
		}
	}
	if len(fresh) > 0 {
		p.secrets.Add(fresh...)
	}
	return fault
}

func secretOf(s *store.Session, secret []byte) logs.Secret {
	return logs.Secret{ID: s.ID, Name: s.Label, Text: string(secret)}
}
