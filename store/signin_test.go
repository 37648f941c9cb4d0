package store_test

import (
	"errors"
	"testing"
	"time"

	"github.com/jimeng-gateway/jimeng-gateway/store"
	"github.com/jimeng-gateway/jimeng-gateway/store/storetest"
)

func newSignIn(t *testing.T, st *store.Store, id, owner string, person *store.Person, change func(*store.SignIn)) *store.SignIn {
	t.Helper()
	in := &store.SignIn{ID: id, TokenHash: "hash of " + id, OwnerID: owner, Address: "192.0.2.1", UserAgent: "Browser/1\x00",
		ExpiresAt: time.Now().Add(time.Hour).UnixMilli()}
	if change != nil {
		change(in)
	}
	if err := st.AddSignIn(t.Context(), in, person, ""); err != nil {
		t.Fatal(err)
	}
	return in
}

func TestSignIns(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, databaseURL string) {
		st := setup(t, databaseURL)
		ctx := t.Context()
		ann := &store.Person{ID: "person-ann", Issuer: "https://id.example", Subject: "ann", Name: "Ann", Role: "viewer"}
		newSignIn(t, st, "a", ann.ID, ann, func(s *store.SignIn) { s.SID, s.Tokens = "sid-1", []byte{0, 1} })
		newSignIn(t, st, "b", ann.ID, ann, func(s *store.SignIn) { s.SID = "sid-2" })
		newSignIn(t, st, "c", "key-1", nil, func(s *store.SignIn) { s.KeyHash = "h" })
		newSignIn(t, st, "old", "key-1", nil, func(s *store.SignIn) { s.ExpiresAt = time.Now().Add(-time.Second).UnixMilli() })

		a, err := st.SignInByToken(ctx, "hash of a")
		if err != nil || a.Name != "Ann" || a.Issuer != ann.Issuer || a.Role != "viewer" || string(a.Tokens) != "\x00\x01" || a.UserAgent != "Browser/1" {
			t.Errorf("got %+v, %v", a, err)
		}
		if _, err := st.SignInByToken(ctx, "hash of old"); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("an expired sign-in: %v", err)
		}
		if list, err := st.SignIns(ctx, ""); err != nil || len(list) != 3 || list[0].ID != "c" {
			t.Errorf("all: %+v, %v", list, err)
		}
		// The implicit key that the person's tasks belong to.
		if key, err := st.Key(ctx, ann.ID); err != nil || !key.Implicit || len(key.Scopes) != 0 {
			t.Errorf("key %+v, %v", key, err)
		}

		if err := st.EndSignIn(ctx, "c", ann.ID, store.SignInEnded); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("somebody else's sign-in: %v", err)
		}
		if err := st.EndSignIn(ctx, "c", "key-1", store.SignOut); err != nil {
			t.Error(err)
		}
		token := time.Now().Add(time.Minute).UnixMilli()
		for _, wrong := range [][2]string{{"https://other.example", "sid-1"}, {ann.Issuer, "sid-9"}} {
			if err := st.EndProviderSignIns(ctx, wrong[0], wrong[1], "", "logout "+wrong[0]+wrong[1], token); err != nil {
				t.Error(err)
			}
		}
		if list, _ := st.SignIns(ctx, ann.ID); len(list) != 2 {
			t.Errorf("another issuer or sid has ended sign-ins: %d left", len(list))
		}
		if err := st.EndProviderSignIns(ctx, ann.Issuer, "sid-2", "", "logout", token); err != nil {
			t.Error(err)
		}
		if list, _ := st.SignIns(ctx, ann.ID); len(list) != 1 || list[0].ID != "a" {
			t.Errorf("after the provider's logout: %+v", list)
		}
		if err := st.EndProviderSignIns(ctx, ann.Issuer, "", ann.ID, "logout", token); !errors.Is(err, store.ErrConflict) {
			t.Errorf("a logout token was taken twice: %v", err)
		}

		// Of the nodes that want to ask the provider, one does.
		if err := st.ClaimCheck(ctx, a, time.Minute); err != nil {
			t.Error(err)
		}
		if err := st.ClaimCheck(ctx, a, time.Minute); !errors.Is(err, store.ErrConflict) {
			t.Errorf("a second claim: %v", err)
		}
		ann.Role, a.Tokens = "admin", []byte("new")
		if err := st.ConfirmSignIn(ctx, a, ann); err != nil {
			t.Error(err)
		}
		if a, err := st.SignInByToken(ctx, "hash of a"); err != nil || a.Role != "admin" || string(a.Tokens) != "new" {
			t.Errorf("after a refresh: %+v, %v", a, err)
		}
		ann.Role = ""
		if err := st.ConfirmSignIn(ctx, a, ann); err != nil {
			t.Error(err)
		}
		if list, _ := st.SignIns(ctx, ""); len(list) != 0 {
			t.Errorf("without a role one is still signed in: %+v", list)
		}
		if people, err := st.People(ctx); err != nil || len(people) != 1 || people[0].Role != "" {
			t.Errorf("people %+v, %v", people, err)
		}
		if err := st.TakeOnce(ctx, "state", token); err != nil {
			t.Error(err)
		}
		if err := st.TakeOnce(ctx, "state", token); !errors.Is(err, store.ErrConflict) {
			t.Errorf("a state was taken twice: %v", err)
		}
	})
}

func TestHasAdminKey(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, databaseURL string) {
		st := setup(t, databaseURL)
		if err := st.EnsureImplicitKeys(t.Context()); err != nil {
			t.Fatal(err)
		}
		has := func() bool {
			t.Helper()
			has, err := st.HasAdminKey(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			return has
		}
		key := &store.Key{ID: "k", Name: "k", Hash: "h", Scopes: []string{"task:read"}, Enabled: true, Weight: 1}
		if err := st.CreateKey(t.Context(), key); err != nil || has() {
			t.Errorf("without one: %v", err)
		}
		if _, err := st.UpdateKey(t.Context(), "k", func(k *store.Key) error { k.Scopes = []string{"task:read", "admin"}; return nil }); err != nil || !has() {
			t.Errorf("with one: %v", err)
		}
	})
}
