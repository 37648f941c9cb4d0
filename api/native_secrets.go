package api

import (
	"context"
	"errors"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/jimeng-gateway/jimeng-gateway/store"
)

func (a *api) secretOperations(h huma.API) {
	handle(a, h, operation(post, "/api/v1/secrets/rotate", "rotate-secrets", "status", "Seal the stored secrets anew",
		"With a fresh key if the gateway keeps its keys in a file, otherwise with the configured secret_key. Links to files that were handed out before "+
			"stop working; the task has new ones. Repeat it if it fails half-way."), a.rotateSecrets)
}

type rotateAnswer struct {
	OK     bool `json:"ok"`
	Sealed int  `json:"sealed" doc:"How many secrets were sealed anew."`
}

func (a *api) rotateSecrets(ctx context.Context, _ *struct{}) (*body[rotateAnswer], error) {
	n, err := a.Store.RotateSecrets(ctx, a.Vault)
	if errors.Is(err, store.ErrConflict) {
		return nil, &apiError{status: http.StatusConflict, code: "conflict", message: "Another rotation is under way; it needs some seconds."}
	}
	if err != nil {
		return nil, err
	}
	return reply(rotateAnswer{true, n})
}
