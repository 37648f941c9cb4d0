package api

import (
	"context"
	"net/http"
	"slices"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/jimeng-gateway/jimeng-gateway/auth"
	"github.com/jimeng-gateway/jimeng-gateway/store"
)

func (a *api) keyOperations(h huma.API) {
	handle(a, h, operation(get, "/api/v1/keys", "list-keys", "keys", "List keys", "Without their secrets, of which only a hash is kept."), a.listKeys)
	handle(a, h, with(http.StatusCreated, operation(post, "/api/v1/keys", "create-key", "keys", "Make a key",
		"The answer is the only time that the key is shown.")), a.createKey)
	handle(a, h, operation(get, "/api/v1/keys/{id}", "get-key", "keys", "Read a key", "Without its secret."), a.getKey)
	handle(a, h, operation(patch, "/api/v1/keys/{id}", "change-key", "keys", "Change a key", "Takes effect at once."), a.changeKey)
	handle(a, h, operation(remove, "/api/v1/keys/{id}", "delete-key", "keys", "Delete a key",
		"Takes effect at once. Its tasks stay, and admins can see them."), a.deleteKey)
	handle(a, h, operation(post, "/api/v1/keys/{id}/regenerate", "regenerate-key", "keys", "Give a key a new secret",
		"The old one stops working at once, or after the grace that the body asks for; until then both work. "+
			"The secret before the old one stops in any case. The answer is the only time that the new one is shown. "+
			"To end a grace early, change the key with `\"old_key_until\": null`."), a.regenerateKey)
}

type keyAnswer struct {
	Key *keyView `json:"key"`
}

type keysAnswer struct {
	Keys []*keyView `json:"keys" nullable:"false"`
}

func (a *api) listKeys(ctx context.Context, _ *struct{}) (*body[keysAnswer], error) {
	keys, err := a.Store.Keys(ctx)
	if err != nil {
		return nil, err
	}
	answer := keysAnswer{[]*keyView{}}
	for _, key := range keys {
		answer.Keys = append(answer.Keys, keyViewOf(key))
	}
	return reply(answer)
}

type createKeyInput struct {
	Body struct {
		Name string `json:"name" doc:"For people." example:"render farm"`
		KeyFields
	}
}

func (a *api) createKey(ctx context.Context, in *createKeyInput) (*body[keyAnswer], error) {
	secret, hash, prefix := auth.NewSecret()
	key := &store.Key{ID: newID(), Name: in.Body.Name, Hash: hash, Prefix: prefix, Scopes: slices.Clone(auth.DefaultScopes), Enabled: true, Weight: 1, MaxPriority: maxPriority}
	if err := in.Body.apply(key); err != nil {
		return nil, err
	}
	if err := auth.CheckKey(key); err != nil {
		return nil, err
	}
	if err := a.Store.CreateKey(ctx, key); err != nil {
		return nil, err
	}
	a.Auth.Keyring().Invalidate()
	view := keyViewOf(key)
	view.Key = secret
	return reply(keyAnswer{view})
}

// key reads a key that somebody made; the implicit ones are not to be seen or
// changed.
func (a *api) key(ctx context.Context, id string) (*store.Key, error) {
	key, err := a.Store.Key(ctx, id)
	if err == nil && key.Implicit {
		return nil, store.ErrNotFound
	}
	return key, err
}

func (a *api) getKey(ctx context.Context, in *byID) (*body[keyAnswer], error) {
	key, err := a.key(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	return reply(keyAnswer{keyViewOf(key)})
}

type changeKeyInput struct {
	ID   string `path:"id" maxLength:"64" doc:"The id."`
	Body struct {
		Name change[string] `json:"name,omitempty" doc:"For people."`
		KeyFields
		OldKeyUntil change[string] `json:"old_key_until,omitempty" doc:"Null ends the time of the secret before the last rotation; nothing else is possible."`
	}
}

type changeKeyAnswer struct {
	OK  bool     `json:"ok"`
	Key *keyView `json:"key"`
}

func (a *api) changeKey(ctx context.Context, in *changeKeyInput) (*body[changeKeyAnswer], error) {
	key, err := a.update(ctx, in.ID, func(key *store.Key) error {
		in.Body.Name.apply(&key.Name)
		if old := in.Body.OldKeyUntil; old.Value != "" {
			return invalid("old_key_until", "can only be null, which ends the time of the old secret")
		} else if old.Sent && key.OldUntil > time.Now().UnixMilli() {
			key.OldUntil = time.Now().UnixMilli()
		}
		if err := in.Body.apply(key); err != nil {
			return err
		}
		return auth.CheckKey(key)
	})
	if err != nil {
		return nil, err
	}
	return reply(changeKeyAnswer{true, keyViewOf(key)})
}

// update changes a key and makes the change known.
func (a *api) update(ctx context.Context, id string, change func(*store.Key) error) (*store.Key, error) {
	key, err := a.Store.UpdateKey(ctx, id, func(key *store.Key) error {
		if key.Implicit {
			return store.ErrNotFound
		}
		return change(key)
	})
	// Also after an error: the database may have kept the change and lost the answer.
	a.Auth.Keyring().Invalidate()
	return key, err
}

func (a *api) deleteKey(ctx context.Context, in *byID) (*body[okAnswer], error) {
	err := a.Store.DeleteKey(ctx, in.ID)
	a.Auth.Keyring().Invalidate() // also after an error, as in update
	if err != nil {
		return nil, err
	}
	return reply(okAnswer{true})
}

type regenerateAnswer struct {
	Key    string `json:"key" doc:"The new secret, shown only here."`
	Prefix string `json:"key_prefix"`

	OldKeyUntil *time.Time `json:"old_key_until" doc:"Until when the secret before works, null for no longer."`
}

type regenerateInput struct {
	ID   string `path:"id" maxLength:"64" doc:"The id."`
	Body *struct {
		Grace int `json:"grace,omitempty" minimum:"0" maximum:"2592000" doc:"For how many seconds the old secret goes on working."`
	}
}

func (a *api) regenerateKey(ctx context.Context, in *regenerateInput) (*body[regenerateAnswer], error) {
	secret, hash, prefix := auth.NewSecret()
	grace := time.Duration(0)
	if in.Body != nil {
		grace = time.Duration(in.Body.Grace) * time.Second
	}
	key, err := a.update(ctx, in.ID, func(key *store.Key) error {
		key.OldHash, key.OldUntil = key.Hash, time.Now().Add(grace).UnixMilli()
		key.Hash, key.Prefix = hash, prefix
		return nil
	})
	if err != nil {
		return nil, err
	}
	return reply(regenerateAnswer{secret, prefix, oldKeyUntil(key)})
}
