// Package api is the HTTP contract: one file per dialect and noun, over the same
// calls of the queue and the pool. /v1/* is the dialect of jimeng-free-api and of
// the gateway before this one, /api/v1/* is the native one.
package api

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"go.uber.org/zap"

	"github.com/jimeng-gateway/jimeng-gateway/auth"
	"github.com/jimeng-gateway/jimeng-gateway/blob"
	"github.com/jimeng-gateway/jimeng-gateway/pool"
	"github.com/jimeng-gateway/jimeng-gateway/queue"
	"github.com/jimeng-gateway/jimeng-gateway/store"
)

// Config is what the API stands on, and what a configuration may change about
// it. Zero values of the settings take the default that their comment names.
type Config struct {
	Queue *queue.Queue
	Pool  *pool.Pool
	Store *store.Store
	Auth  *auth.Authenticator
	Blobs blob.Store
	Links *auth.Links

	// PublicURL begins every link that the gateway hands out, as in
	// https://video.example.com. Default: what the request was sent to.
	PublicURL string
	// LinkTTL is how long a link to a file works, at least. Default: 24 h.
	LinkTTL time.Duration
	// Upload bounds the files of one request.
	Upload UploadLimits
	// DefaultModel serves requests that name none. Default:
	// jimeng-video-seedance-2.0.
	DefaultModel string
	// Version is the gateway's, shown by the health endpoint.
	Version string
	// ContainerName is the upstream's container, shown by the health endpoint.
	// Default: none.
	ContainerName string
	Logger        *zap.Logger
	// Stopping is closed when this configuration is about to end: streams and
	// requests that wait end then. Default: never.
	Stopping <-chan struct{}
}

// UploadLimits bounds the files of one request.
type UploadLimits struct {
	File  int64 // bytes of one file. Default: 100 MiB, which the upstream takes
	Total int64 // bytes of one request. Default: 300 MiB
	Count int   // files of one request. Default: 12
}

const defaultModel = "jimeng-video-seedance-2.0"

type api struct {
	Config
	health healthCache
}

// New returns the handler of every path below /v1, /api and /auth, and of /ping.
func New(c Config) (http.Handler, error) {
	a := &api{Config: c}
	a.PublicURL = strings.TrimRight(a.PublicURL, "/")
	setDefault(&a.LinkTTL, 24*time.Hour)
	setDefault(&a.DefaultModel, defaultModel)
	setDefault(&a.Upload.File, 100<<20)
	setDefault(&a.Upload.Total, 300<<20)
	setDefault(&a.Upload.Count, 12)
	if a.Upload.File < 0 || a.Upload.Total < 0 || a.Upload.Count < 0 || a.LinkTTL < 0 {
		return nil, errors.New("limits of uploads and links must not be negative")
	}
	routes := newRouter(a)
	a.stockRoutes(routes)
	a.fileRoutes(routes)
	a.signInRoutes(routes)
	a.eventRoutes(routes)
	a.documentRoutes(routes, a.nativeRoutes(routes))
	if err := routes.finish(); err != nil {
		return nil, fmt.Errorf("make API: %w", err)
	}
	return routes, nil
}

func setDefault[T comparable](value *T, standard T) {
	var zero T
	if *value == zero {
		*value = standard
	}
}
