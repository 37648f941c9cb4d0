package caddymodule

import (
	"context"
	"fmt"
	"net/http"

	"github.com/caddyserver/caddy/v2"
	"go.uber.org/zap"

	"github.com/jimeng-gateway/jimeng-gateway/api"
	"github.com/jimeng-gateway/jimeng-gateway/auth"
	"github.com/jimeng-gateway/jimeng-gateway/health"
)

// Version is the gateway's, as /api/v1/health tells it.
const Version = "0.1.0-dev"

// handler makes the API as one configuration wants it, and tells what to look at
// for its health.
func (e *engine) handler(s *settings, stopping <-chan struct{}, log *zap.Logger) (http.Handler, []health.Check, error) {
	var (
		oidc *auth.OIDC
		err  error
	)
	log = beside(log, e.ownLog, e.masker)
	if s.oidc != nil {
		if oidc, err = auth.NewOIDC(*s.oidc, e.signIns, log.Named("auth")); err != nil {
			return nil, nil, fmt.Errorf("set up single sign-on: %w", err)
		}
	}
	handler, err := api.New(api.Config{
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
		Started:           e.started,
		DataDir:           e.dataDir,
		Settings:          s.tell(),
		ContainerName:     s.firstContainer(),
		Docker:            e.docker,
		ContainerRestart:  s.containerRestart,
		GatewayLog:        e.ownLog,
		Logger:            log.Named("api"),
		Metrics:           e.api,
		Stopping:          stopping,
		Exiting:           caddy.Exiting,
		Health:            e.health,
	})
	return handler, e.checks(oidc), err
}

// checks are the components of the gateway, the vital ones first.
func (e *engine) checks(oidc *auth.OIDC) []health.Check {
	signIn := func(context.Context) []health.Component {
		return []health.Component{{Name: "sign_in", State: health.Off}}
	}
	if oidc != nil {
		signIn = oidc.Health
	}
	docker := func(context.Context) []health.Component { return []health.Component{e.docker.Health()} }
	return []health.Check{
		{Name: "database", Do: e.store.Health},
		{Name: "engine", Do: e.queue.Health},
		{Name: "storage", Do: e.queue.StorageHealth},
		{Name: "pool", Do: e.pool.Health},
		{Name: "docker", Do: docker},
		{Name: "sign_in", Do: signIn},
	}
}
