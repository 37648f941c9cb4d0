package store

import (
	"context"
	"fmt"
)

// Person is somebody who has signed in at an OpenID provider. Times are Unix
// milliseconds.
type Person struct {
	ID        string // also of the implicit key that their tasks belong to
	Issuer    string
	Subject   string // at the issuer
	Name      string
	Email     string
	Role      string // at the last sign-in or refresh, "" for none any more
	CreatedAt int64
	SeenAt    int64
}

const personColumns = "id, issuer, subject, name, email, role, created_at, seen_at"

func scanPerson(r row) (*Person, error) {
	var p Person
	err := r.Scan(&p.ID, &p.Issuer, &p.Subject, &p.Name, &p.Email, &p.Role, &p.CreatedAt, &p.SeenAt)
	return &p, found(err)
}

// PutPerson stores what the provider says of a person now, and makes the key of
// somebody new. It tells all nodes if the role has changed.
func (t *Tx) PutPerson(p *Person) error {
	var was string
	err := found(t.QueryRow("SELECT role FROM people WHERE id = $1", p.ID).Scan(&was))
	if err != nil && err != ErrNotFound {
		return fmt.Errorf("read person: %w", err)
	}
	if err == nil && was != p.Role {
		act := Act{Action: "person.role", TargetKind: "person", TargetID: p.ID,
			Was: map[string]string{"role": was}, Became: map[string]string{"role": p.Role}}
		if err := t.Audit(act); err != nil {
			return err
		}
		if err := t.AccessChanged(); err != nil {
			return err
		}
	}
	_, err = t.Exec(`INSERT INTO people (id, issuer, subject, name, email, role, created_at, seen_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $7) ON CONFLICT (id) DO UPDATE SET name = excluded.name, email = excluded.email,
			role = excluded.role, seen_at = excluded.seen_at`,
		p.ID, clean(p.Issuer), clean(p.Subject), clean(p.Name), clean(p.Email), p.Role, t.Now)
	if err != nil {
		return fmt.Errorf("store person: %w", err)
	}
	return t.ensureImplicitKey(p.ID, clean(p.Name), "")
}

// MeetPerson stores a person of whom only a token is known, unless they are known
// already.
func (s *Store) MeetPerson(ctx context.Context, p *Person) error {
	var n int
	if err := s.readers.QueryRowContext(ctx, "SELECT count(*) FROM people WHERE id = $1", p.ID).Scan(&n); err != nil {
		return fmt.Errorf("read person: %w", err)
	}
	if n > 0 {
		return nil
	}
	return s.Write(ctx, Durable, func(tx *Tx) error {
		_, err := tx.Exec(`INSERT INTO people (id, issuer, subject, name, email, role, created_at, seen_at)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $7) ON CONFLICT DO NOTHING`,
			p.ID, clean(p.Issuer), clean(p.Subject), clean(p.Name), clean(p.Email), p.Role, tx.Now)
		if err != nil {
			return fmt.Errorf("store person: %w", err)
		}
		return tx.ensureImplicitKey(p.ID, clean(p.Name), "")
	})
}

// People lists everybody who has ever signed in, those who were here last first.
func (s *Store) People(ctx context.Context) ([]*Person, error) {
	rows, err := s.readers.QueryContext(ctx, "SELECT "+personColumns+" FROM people ORDER BY seen_at DESC, id")
	people, err := collect(rows, err, scanPerson)
	if err != nil {
		return nil, fmt.Errorf("list people: %w", err)
	}
	return people, nil
}
