// Package storetest gives tests the real databases.
package storetest

import (
	"context"
	"crypto/rand"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"go.uber.org/zap/zaptest"

	"github.com/jimeng-gateway/jimeng-gateway/store"
)

// PostgresURL is the environment variable that names a PostgreSQL server in
// which tests may create databases. Without it, only SQLite is tested.
const PostgresURL = "TEST_POSTGRES_URL"

// Each runs test on an empty SQLite database and, where there is a server, on an
// empty PostgreSQL database.
func Each(t *testing.T, test func(t *testing.T, databaseURL string)) {
	t.Helper()
	t.Run("SQLite", func(t *testing.T) {
		t.Parallel()
		test(t, SQLite(t))
	})
	if os.Getenv(PostgresURL) == "" {
		return
	}
	t.Run("PostgreSQL", func(t *testing.T) {
		t.Parallel()
		test(t, Postgres(t))
	})
}

// SQLite names a database file that does not exist yet.
func SQLite(t *testing.T) string {
	t.Helper()
	return "sqlite://" + filepath.Join(t.TempDir(), "gateway.db")
}

// Postgres creates a database for the test and removes it afterwards.
func Postgres(t *testing.T) string {
	t.Helper()
	server := os.Getenv(PostgresURL)
	name := "test_" + strings.ToLower(rand.Text())
	execute(t, server, "CREATE DATABASE "+name)
	t.Cleanup(func() { execute(t, server, "DROP DATABASE "+name+" WITH (FORCE)") })
	u, err := url.Parse(server)
	if err != nil {
		t.Fatalf("parse %s: %v", PostgresURL, err)
	}
	u.Path = "/" + name
	return u.String()
}

func execute(t *testing.T, server, statement string) {
	t.Helper()
	ctx := context.Background()
	conn, err := pgx.Connect(ctx, server)
	if err != nil {
		t.Fatalf("connect to PostgreSQL: %v", err)
	}
	defer conn.Close(ctx)
	if _, err := conn.Exec(ctx, statement); err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
}

// Open opens a store that is closed at the end of the test.
func Open(t *testing.T, databaseURL string) *store.Store {
	t.Helper()
	st, err := store.Open(t.Context(), databaseURL, zaptest.NewLogger(t))
	if err != nil {
		t.Fatalf("open store: %v", err)
	}
	t.Cleanup(func() {
		if err := st.Close(); err != nil {
			t.Errorf("close store: %v", err)
		}
	})
	return st
}
