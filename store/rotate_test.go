package store_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/jimeng-gateway/jimeng-gateway/store"
	"github.com/jimeng-gateway/jimeng-gateway/store/storetest"
)

// sealedSession stores a session whose secret the vault has sealed.
func sealedSession(t *testing.T, s *store.Store, v *store.Vault, secret string) *store.Session {
	t.Helper()
	session := &store.Session{ID: store.NewID(""), Upstream: "sim", Label: secret, Secret: v.Seal([]byte(secret)), Hint: "••••",
		Fingerprint: v.Fingerprint([]byte(secret)), Slots: 1, Enabled: true, State: store.Ready}
	if err := s.Write(t.Context(), store.Durable, func(tx *store.Tx) error { return tx.InsertSession(session) }); err != nil {
		t.Fatal(err)
	}
	return session
}

func openVault(t *testing.T, dir, key, old string) *store.Vault {
	t.Helper()
	v, err := store.OpenVault(dir, key, old)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// opens fails unless the vault can open the session's secret as it is stored now.
func opens(t *testing.T, s *store.Store, v *store.Vault, id, want string) {
	t.Helper()
	session, err := s.Session(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	if secret, err := v.Open(session.Secret); err != nil || string(secret) != want {
		t.Errorf("secret of %s: %q, %v", id, secret, err)
	}
	if session.Fingerprint != v.Fingerprint([]byte(want)) {
		t.Error("the fingerprint is that of another key: the same account could be added twice")
	}
}

func TestRotateTheKeyInTheFile(t *testing.T) {
	storetest.Each(t, func(t *testing.T, databaseURL string) {
		s := storetest.Open(t, databaseURL)
		dir := t.TempDir()
		v := openVault(t, dir, "", "")
		other := openVault(t, dir, "", "") // another process with the same folder
		session := sealedSession(t, s, v, "account-1")
		file := filepath.Join(dir, "secret.key")
		before, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		derived := string(v.Derive("signed links"))
		if n, err := s.RotateSecrets(t.Context(), v); err != nil || n != 1 {
			t.Fatalf("rotated %d secrets: %v", n, err)
		}
		after, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(after), strings.TrimSpace(string(before))) || len(strings.Fields(string(after))) != 1 {
			t.Error("the file still has the old key")
		}
		if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("key file: %v, %v", info, err)
		}
		opens(t, s, v, session.ID, "account-1")
		opens(t, s, other, session.ID, "account-1")
		opens(t, s, openVault(t, dir, "", ""), session.ID, "account-1")
		stolen := openVault(t, t.TempDir(), strings.TrimSpace(string(before)), "")
		if stored, err := s.Session(t.Context(), session.ID); err != nil {
			t.Fatal(err)
		} else if _, err := stolen.Open(stored.Secret); err == nil {
			t.Error("the old key still opens the secret")
		}
		if string(v.Derive("signed links")) == derived {
			t.Error("links are still signed with the old key")
		}
	})
}

// A process dies when the file has both keys: everything can be opened, and the
// next rotation goes on with the same new key.
func TestARotationGoesOnAfterACrash(t *testing.T) {
	t.Parallel()
	s := storetest.Open(t, storetest.SQLite(t))
	dir := t.TempDir()
	v := openVault(t, dir, "", "")
	session := sealedSession(t, s, v, "account-1")
	file := filepath.Join(dir, "secret.key")
	old, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	fresh := strings.Repeat("cd", 32)
	if err := os.WriteFile(file, []byte(fresh+"\n"+string(old)), 0o600); err != nil {
		t.Fatal(err)
	}
	again := openVault(t, dir, "", "")
	stored, err := s.Session(t.Context(), session.ID)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := again.Open(stored.Secret); err != nil {
		t.Fatal(err)
	}
	if _, err := s.RotateSecrets(t.Context(), again); err != nil {
		t.Fatal(err)
	}
	if text, err := os.ReadFile(file); err != nil || string(text) != fresh+"\n" {
		t.Errorf("key file: %d bytes, %v", len(text), err)
	}
	opens(t, s, again, session.ID, "account-1")
}

func TestRotateAConfiguredKey(t *testing.T) {
	storetest.Each(t, func(t *testing.T, databaseURL string) {
		s := storetest.Open(t, databaseURL)
		before, after := strings.Repeat("ab", 32), strings.Repeat("cd", 32)
		session := sealedSession(t, s, openVault(t, t.TempDir(), before, ""), "account-1")
		if _, err := s.RotateSecrets(t.Context(), openVault(t, t.TempDir(), after, "")); err == nil {
			t.Error("a rotation succeeded that could not open the secrets")
		}
		v := openVault(t, t.TempDir(), after, before)
		ann := &store.Person{ID: "person-ann", Issuer: "https://id.example", Subject: "ann", Name: "Ann", Role: "viewer"}
		newSignIn(t, s, "a", ann.ID, ann, func(in *store.SignIn) { in.Tokens = openVault(t, t.TempDir(), before, "").Seal([]byte("tokens")) })
		if n, err := s.RotateSecrets(t.Context(), v); err != nil || n != 2 {
			t.Fatalf("rotated %d secrets: %v", n, err)
		}
		in, err := s.SignInByToken(t.Context(), "hash of a")
		if err != nil {
			t.Fatal(err)
		}
		if tokens, err := openVault(t, t.TempDir(), after, "").Open(in.Tokens); err != nil || string(tokens) != "tokens" {
			t.Errorf("tokens of a sign-in: %q, %v", tokens, err)
		}
		opens(t, s, openVault(t, t.TempDir(), after, ""), session.ID, "account-1")
	})
}

// Two rotations at once: one is told to wait, and nothing is lost.
func TestRotationsDoNotOverlap(t *testing.T) {
	t.Parallel()
	s := storetest.Open(t, storetest.SQLite(t))
	dir := t.TempDir()
	vaults := []*store.Vault{openVault(t, dir, "", ""), openVault(t, dir, "", "")} // two processes, and one twice
	vaults = append(vaults, vaults[0])
	session := sealedSession(t, s, vaults[0], "account-1")
	results := make([]error, len(vaults))
	var all sync.WaitGroup
	for i, v := range vaults {
		all.Go(func() { _, results[i] = s.RotateSecrets(t.Context(), v) })
	}
	all.Wait()
	done := 0
	for _, err := range results {
		switch {
		case err == nil:
			done++
		case !errors.Is(err, store.ErrConflict):
			t.Error(err)
		}
	}
	if done != 1 {
		t.Errorf("%d of %d rotations at once were done", done, len(vaults))
	}
	opens(t, s, openVault(t, dir, "", ""), session.ID, "account-1")
}
