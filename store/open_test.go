package store_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"go.uber.org/zap/zaptest"

	"github.com/jimeng-gateway/jimeng-gateway/store"
	"github.com/jimeng-gateway/jimeng-gateway/store/storetest"
)

func TestOpenAgainGoesOn(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, databaseURL string) {
		st, err := store.Open(t.Context(), databaseURL, zaptest.NewLogger(t))
		if err != nil {
			t.Fatal(err)
		}
		if err := st.EnsureImplicitKeys(t.Context()); err != nil {
			t.Fatal(err)
		}
		task := newTask("admin")
		write(t, st, func(tx *store.Tx) error { return tx.InsertTask(task) })
		if err := st.Close(); err != nil {
			t.Fatal(err)
		}
		if err := st.Write(t.Context(), store.Durable, func(*store.Tx) error { return nil }); !errors.Is(err, store.ErrUnavailable) {
			t.Errorf("write after close: %v", err)
		}
		again := storetest.Open(t, databaseURL)
		if _, err := again.Task(t.Context(), "", task.ID); err != nil {
			t.Error(err)
		}
	})
}

func TestOpenRefuses(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	text := filepath.Join(dir, "text.db")
	if err := os.WriteFile(text, []byte(strings.Repeat("not a database ", 100)), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(dir, "folder.db"), 0o700); err != nil {
		t.Fatal(err)
	}
	used := "sqlite://" + filepath.Join(dir, "used.db")
	storetest.Open(t, used)
	for databaseURL, want := range map[string]string{
		"":                                     "must begin with sqlite:// or postgres://",
		"mysql://x":                            "must begin with sqlite:// or postgres://",
		"sqlite://":                            "must name a file",
		"sqlite://" + text:                     "is not an SQLite database",
		"sqlite:///proc/nowhere/gateway.db":    "create the database's folder",
		"sqlite://" + dir + "/folder.db":       "cannot be opened or created",
		used:                                   "in use by another process",
		"postgres://u:hunter2@127.0.0.1:1/x":   "connect to the database at 127.0.0.1",
		"postgres://u:hunter2@127.0.0.1:bad/x": "not a valid postgres:// URL",
	} {
		st, err := store.Open(t.Context(), databaseURL, zaptest.NewLogger(t))
		if err == nil {
			t.Errorf("%s: opened", databaseURL)
			if err := st.Close(); err != nil {
				t.Error(err)
			}
			continue
		}
		if text := err.Error(); !strings.Contains(text, want) || strings.Contains(text, "\n") || strings.Contains(text, "hunter2") {
			t.Errorf("%s: got %q, want one line with %q", databaseURL, text, want)
		}
	}
}

func TestOpenRefusesANewerSchema(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, databaseURL string) {
		st, err := store.Open(t.Context(), databaseURL, zaptest.NewLogger(t))
		if err != nil {
			t.Fatal(err)
		}
		write(t, st, func(tx *store.Tx) error {
			_, err := tx.Exec("INSERT INTO goose_db_version (version_id, is_applied) VALUES ($1, $2)", 9999, true)
			return err
		})
		if err := st.Close(); err != nil {
			t.Fatal(err)
		}
		if _, err := store.Open(t.Context(), databaseURL, zaptest.NewLogger(t)); err == nil || !strings.Contains(err.Error(), "newer version of the gateway") {
			t.Errorf("got %v", err)
		}
	})
}

// Nodes that start together on an empty database all start.
func TestOpenTogether(t *testing.T) {
	t.Parallel()
	if os.Getenv(storetest.PostgresURL) == "" {
		t.Skip("there is no PostgreSQL (" + storetest.PostgresURL + ")")
	}
	databaseURL := storetest.Postgres(t)
	var starting sync.WaitGroup
	for range 3 {
		starting.Go(func() {
			st, err := store.Open(t.Context(), databaseURL, zaptest.NewLogger(t))
			if err != nil {
				t.Error(err)
				return
			}
			if err := st.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	starting.Wait()
}

// A process that was killed when it made the file has left it empty. Of those
// that start together then, each must get the key that one of them makes.
func TestVaultsTogether(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "secret.key"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	var starting sync.WaitGroup
	var vaults [8]*store.Vault
	for i := range vaults {
		starting.Go(func() {
			var err error
			if vaults[i], err = store.OpenVault(dir, "", ""); err != nil {
				t.Error(err)
			}
		})
	}
	starting.Wait()
	if t.Failed() {
		return
	}
	sealed := vaults[0].Seal([]byte("session id"))
	for _, v := range vaults {
		if _, err := v.Open(sealed); err != nil {
			t.Error(err)
		}
	}
}

func TestVault(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	v, err := store.OpenVault(dir, "", "")
	if err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(filepath.Join(dir, "secret.key")); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("key file: %v, %v", info, err)
	}
	sealed := v.Seal([]byte("session id"))
	if strings.Contains(string(sealed), "session") {
		t.Error("the secret is readable")
	}
	again, err := store.OpenVault(dir, "", "")
	if err != nil {
		t.Fatal(err)
	}
	if secret, err := again.Open(sealed); err != nil || string(secret) != "session id" {
		t.Errorf("open again: %q, %v", secret, err)
	}
	other, err := store.OpenVault(dir, strings.Repeat("ab", 32), "")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := other.Open(sealed); err == nil {
		t.Error("another key opened the secret")
	}
	if _, err := store.OpenVault(dir, "short", ""); err == nil {
		t.Error("a short key was taken")
	}
}
