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
	"github.com/jimeng-gateway/jimeng-gateway/health"
	"github.com/jimeng-gateway/jimeng-gateway/logs"
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
	Vault *store.Vault

	// PublicURL begins every link that the gateway hands out, as in
	// https://video.example.com. Default: what the request was sent to.
	PublicURL string
	// LinkTTL is how long a link to a file works, at least. Default: 24 h.
	LinkTTL time.Duration
	// Materials bounds the materials of one request.
	Materials MaterialConfig
	// DefaultModel serves requests for videos that name none. Default:
	// jimeng-video-seedance-2.0.
	DefaultModel string
	// DefaultImageModel serves requests for images that name none. Default:
	// jimeng-4.5.
	DefaultImageModel string
	// Version is the gateway's, shown by the health endpoint.
	Version string
	// Started is when the process began to work, DataDir the folder of its files,
	// and Settings the configuration in force without secrets. Admins may see them.
	Started  time.Time
	DataDir  string
	Settings []Setting
	// ContainerName is the upstream's container, shown by the health endpoint.
	// Default: none.
	ContainerName string
	// Docker has the logs of the upstreams' containers. Default: none.
	Docker *logs.Docker
	// ContainerRestart lets admins restart containers.
	ContainerRestart bool
	// GatewayLog is the gateway's own log. Default: an empty one.
	GatewayLog *logs.Log
	Logger     *zap.Logger
	// Metrics count on over configurations. Default: new ones.
	Metrics *Metrics
	// Stopping is closed when this configuration is about to end: streams and
	// requests that wait end then. Default: never.
	Stopping <-chan struct{}
	// Exiting reports whether the process is about to end, unlike a configuration
	// that another one replaces. Default: never.
	Exiting func() bool
	// Health looks at the parts of the gateway.
	Health *health.Monitor
}

const (
	defaultModel      = "jimeng-video-seedance-2.0"
	defaultImageModel = "jimeng-4.5"
)

type api struct {
	Config
	admins  adminSearch
	fetcher *fetcher
	faults  *zap.Logger // of requests, which strangers may send
	// searches bounds how many logs are searched with a regular expression at once.
	searches chan struct{}
	feeds    feeds
}

// New returns the handler of every path below /v1, /api and /auth, and of /ping,
// /livez and /readyz.
func New(c Config) (http.Handler, error) {
	a := &api{Config: c}
	a.PublicURL = strings.TrimRight(a.PublicURL, "/")
	setDefault(&a.LinkTTL, 24*time.Hour)
	setDefault(&a.DefaultModel, defaultModel)
	setDefault(&a.DefaultImageModel, defaultImageModel)
	if !a.Materials.valid() || a.LinkTTL < 0 {
		return nil, errors.New("limits of materials and links must not be negative")
	}
	a.Materials.setDefaults()
	if a.Metrics == nil {
		a.Metrics = NewMetrics()
	}
	a.faults = auth.Bounded(a.Logger)
	a.fetcher = newFetcher(a.Materials.PrivateURLs)
	a.searches = make(chan struct{}, logSearches)
	if a.GatewayLog == nil {
		a.GatewayLog = logs.New(0)
	}
	routes := newRouter(a)
	a.stockRoutes(routes)
	a.probeRoutes(routes)
	a.fileRoutes(routes)
	a.createRoutes(routes)
	a.materialRoutes(routes)
	a.signInRoutes(routes)
	a.eventRoutes(routes)
	a.statusRoutes(routes)
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
