package caddymodule

import (
	"fmt"
	"net/http"

	"go.uber.org/zap"

	"github.com/jimeng-gateway/jimeng-gateway/api"
	"github.com/jimeng-gateway/jimeng-gateway/auth"
)

// Version is the gateway's, as /api/v1/health tells it.
const Version = "0.1.0-dev"

// handler makes the API as one configuration wants it.
func (e *engine) handler(s *settings, stopping <-chan struct{}, log *zap.Logger) (http.Handler, error) {
	var (
		oidc *auth.OIDC
		err  error
	)
	if s.oidc != nil {
		if oidc, err = auth.NewOIDC(*s.oidc, e.signIns, log.Named("auth")); err != nil {
			return nil, fmt.Errorf("set up single sign-on: %w", err)
		}
	}
	return api.New(api.Config{
		Queue: e.queue,
		Pool:  e.pool,
		Store: e.store,
		Blobs: e.blobs,
		Vault: e.vault,
		Links: auth.NewLinks(func() []byte { return e.vault.Derive("signed links") }),
		Auth: auth.New(auth.Config{
			Keyring:    e.keyring,
			SignIns:    e.signIns,
			Enabled:    s.auth,
			Insecure:   s.authInsecure,
			AdminToken: s.adminToken,
			OIDC:       oidc,
			Logger:     log.Named("auth"),
		}),
		PublicURL:         s.publicURL,
		LinkTTL:           s.linkTTL,
		Materials:         s.materials,
		DefaultModel:      s.defaultModel,
		DefaultImageModel: s.defaultImageModel,
		Version:           Version,
		ContainerName:     s.firstContainer(),
		Docker:            e.docker,
		ContainerRestart:  s.containerRestart,
		Logger:            log.Named("api"),
		Metrics:           e.api,
		Stopping:          stopping,
	})
}
