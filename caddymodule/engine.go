package caddymodule

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"
	"go.uber.org/zap/exp/zapslog"
	"go.uber.org/zap/zapcore"

	"github.com/jimeng-gateway/jimeng-gateway/api"
	"github.com/jimeng-gateway/jimeng-gateway/auth"
	"github.com/jimeng-gateway/jimeng-gateway/blob"
	"github.com/jimeng-gateway/jimeng-gateway/health"
	"github.com/jimeng-gateway/jimeng-gateway/logs"
	"github.com/jimeng-gateway/jimeng-gateway/pool"
	"github.com/jimeng-gateway/jimeng-gateway/queue"
	"github.com/jimeng-gateway/jimeng-gateway/store"
	"github.com/jimeng-gateway/jimeng-gateway/upstream"
)

// engines holds the running engines by the identity of their database and by
// nothing else, so that two configurations never run two engines on one
// database, whatever else differs between them.
var engines = caddy.NewUsagePool()

// openTimeout bounds the start on a database that does not answer.
const openTimeout = 30 * time.Second

// engine is what outlives a reload: the open database and everything that runs
// on it. What a reload can change comes in through configure.
type engine struct {
	identity                string
	dataDir                 string
	secretKey, oldSecretKey string
	dockerHost              string
	started                 time.Time

	store   *store.Store
	vault   *store.Vault
	blobs   *blob.Disk
	pool    *pool.Pool
	queue   *queue.Queue
	keyring *auth.Keyring
	signIns *auth.SignIns
	docker  *logs.Docker
	api     *api.Metrics
	metrics []prometheus.Collector
	health  *health.Monitor
	log     movingCore
	ownLog  *logs.Log // what the gateway logs, for the API
	masker  *logs.Masker
	learner *learner

	mu      sync.Mutex
	running bool
	grace   time.Duration // of the newest configuration
	layers  []*layer      // of the configurations that are in force, the newest last
}

// layer is what the engine itself keeps of one configuration.
type layer struct {
	core  zapcore.Core
	grace time.Duration
}

// openEngine returns the engine on the configured database, with one reference
// more that [closeEngine] gives back.
func openEngine(s *settings, log *zap.Logger) (*engine, error) {
	identity, err := databaseIdentity(s.database)
	if err != nil {
		return nil, err
	}
	value, _, err := engines.LoadOrNew(identity, func() (caddy.Destructor, error) {
		return newEngine(identity, s, log)
	})
	if err != nil {
		return nil, err
	}
	return value.(*engine), nil
}

// closeEngine gives one reference back; the last one closes the engine.
func closeEngine(e *engine) error {
	_, err := engines.Delete(e.identity)
	return err
}

func newEngine(identity string, s *settings, log *zap.Logger) (_ *engine, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), openTimeout)
	defer cancel()
	e := &engine{
		identity:  identity,
		dataDir:   s.dataDir,
		secretKey: s.secretKey, oldSecretKey: s.oldSecretKey,
		dockerHost: s.dockerHost,
		started:    time.Now(),
		log:        newMovingCore(), ownLog: logs.New(gatewayLogSize),
	}
	e.log.move(log.Core())
	defer func() {
		if err != nil {
			err = errors.Join(err, e.closeParts(ctx))
		}
	}()
	// The pool comes after the store, which has a logger already.
	secrets := logs.NewSecrets()
	e.masker = logs.NewMasker(secrets.Known)
	logger := beside(zap.New(e.log), e.ownLog, e.masker).Named(log.Name())
	if e.store, err = store.Open(ctx, s.database, logger.Named("store")); err != nil {
		return nil, err
	}
	if e.vault, err = store.OpenVault(s.dataDir, s.secretKey, s.oldSecretKey); err != nil {
		return nil, err
	}
	if e.blobs, err = blob.OpenDisk(filepath.Join(s.dataDir, "blobs")); err != nil {
		return nil, err
	}
	if e.keyring, err = auth.NewKeyring(e.store, logger.Named("auth")); err != nil {
		return nil, err
	}
	e.keyring.Start()
	if e.signIns, err = auth.NewSignIns(e.store, e.vault, e.keyring, logger.Named("auth")); err != nil {
		return nil, err
	}
	e.pool = pool.New(e.store, e.vault, secrets, logger.Named("pool"))
	if err = e.pool.Verify(ctx); err != nil {
		return nil, err
	}
	e.learner = learn(e.pool, logger.Named("pool"))
	e.queue, err = queue.New(ctx, queue.Config{
		Store:   e.store,
		Pool:    e.pool,
		Blobs:   e.blobs,
		DataDir: s.dataDir,
		Logger:  logger.Named("queue"),
		Slogger: slog.New(warnings{zapslog.NewHandler(logger.Core(), zapslog.WithName(log.Name()+".river"))}),
	})
	if err != nil {
		return nil, err
	}
	e.docker = logs.NewDocker(logs.DockerConfig{Host: s.dockerHost, Mask: e.masker.Mask, Logger: logger.Named("docker")})
	e.health = health.NewMonitor(logger.Named("health"))
	e.api = api.NewMetrics()
	e.metrics = e.collectors()
	return e, nil
}

// configure puts a configuration in force until revert is called. Configurations
// lie on each other: taking away any of them leaves the newest of the others in
// force, in whatever order Caddy starts and cleans up.
func (e *engine) configure(s *settings, drivers map[string]upstream.Driver, log *zap.Logger) (revert func(), err error) {
	switch {
	case s.dataDir != e.dataDir:
		return nil, fmt.Errorf("data_dir cannot change from %s to %s in a running gateway; restart it", e.dataDir, s.dataDir)
	case s.secretKey != e.secretKey || s.oldSecretKey != e.oldSecretKey:
		return nil, errors.New("secret_key and old_secret_key cannot change in a running gateway; restart it")
	}
	if err := e.checkDocker(s); err != nil {
		return nil, err
	}
	l := &layer{log.Core(), s.gracePeriod}
	e.change(func() { e.layers = append(e.layers, l) })
	revertQueue := e.queue.Configure(s.queue(drivers))
	revertDocker := e.docker.Configure(s.containers)
	return func() {
		revertDocker()
		revertQueue()
		e.change(func() { e.layers = slices.DeleteFunc(e.layers, func(other *layer) bool { return other == l }) })
	}, nil
}

// begin starts the work, once, when there is a configuration to work with.
func (e *engine) begin() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.running {
		return nil
	}
	if err := e.queue.Start(context.Background()); err != nil {
		return err
	}
	e.running = true
	return nil
}

// change alters the layers and follows the newest one. What that says stays in
// force when all layers are gone, for the end.
func (e *engine) change(alter func()) {
	e.mu.Lock()
	defer e.mu.Unlock()
	alter()
	if n := len(e.layers); n > 0 {
		e.log.move(e.layers[n-1].core)
		e.grace = e.layers[n-1].grace
	}
}

// last reports whether at most one configuration is in force.
func (e *engine) last() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return len(e.layers) <= 1
}

// stop lets the queue take no new work and waits until what it does has ended or
// the grace period is over. The database stays open: requests may still come.
func (e *engine) stop() {
	e.mu.Lock()
	running := e.running
	e.running = false
	grace := e.grace
	e.mu.Unlock()
	if !running {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), grace)
	defer cancel()
	e.health.Close(ctx) // an engine that stops is no news
	if err := e.queue.Stop(ctx); err != nil && !errors.Is(err, context.DeadlineExceeded) {
		beside(zap.New(e.log), e.ownLog, e.masker).Named("jimeng").Error("the queue did not stop well", zap.Error(err))
	}
}

// Destruct ends the engine when no configuration uses it any more.
func (e *engine) Destruct() error {
	e.stop()
	ctx, cancel := context.WithTimeout(context.Background(), openTimeout)
	defer cancel()
	return e.closeParts(ctx)
}

// closeParts closes whatever is open, in the order of use.
func (e *engine) closeParts(ctx context.Context) error {
	var errs []error
	if e.health != nil {
		e.health.Close(ctx)
	}
	if e.queue != nil {
		errs = append(errs, e.queue.Stop(ctx)) // in case it never began
	}
	if e.docker != nil {
		e.docker.Close()
	}
	if e.learner != nil {
		e.learner.close()
	}
	if e.signIns != nil {
		e.signIns.Close()
	}
	if e.keyring != nil {
		errs = append(errs, e.keyring.Stop(ctx))
	}
	if e.blobs != nil {
		errs = append(errs, e.blobs.Close())
	}
	if e.store != nil {
		errs = append(errs, e.store.Close())
	}
	return errors.Join(errs...)
}

// Interface guard
var _ caddy.Destructor = (*engine)(nil)
