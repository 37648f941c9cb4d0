package caddymodule

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/jimeng-gateway/jimeng-gateway/api"
	"github.com/jimeng-gateway/jimeng-gateway/auth"
	"github.com/jimeng-gateway/jimeng-gateway/queue"
	"github.com/jimeng-gateway/jimeng-gateway/store"
	"github.com/jimeng-gateway/jimeng-gateway/upstream"
)

// Config is the configuration of the gateway, the app module "jimeng". Every
// string, but those of models, may hold placeholders, which are replaced when
// the configuration is loaded; a value that is empty then counts as not given,
// so that the shipped Caddyfile can name every variable of the environment.
type Config struct {
	// Where tasks, sessions and keys live: "sqlite://PATH" or "postgres://…".
	// A relative SQLite path is seen from the working directory.
	// Default: sqlite://data/gateway.db
	Database string `json:"database,omitempty"`

	// The folder for materials, artifacts, the secret key and the node's id.
	// Default: data
	DataDir string `json:"data_dir,omitempty"`

	// 64 hex digits: the key that seals the sessions' secrets at rest and signs
	// links. Use a placeholder such as {env.SECRET_KEY} or {file./run/key}.
	// Default: a key of its own, made on the first start and kept in data_dir in
	// a file that only the owner may read.
	SecretKey string `json:"secret_key,omitempty"`

	// The key before secret_key, while secrets may still be sealed with it:
	// `jimeng-gateway jimeng secrets rotate` seals them anew. Default: none
	OldSecretKey string `json:"old_secret_key,omitempty"`

	// A bearer token with the scope "admin" that exists without the database.
	// Use a placeholder. Default: none
	AdminToken string `json:"admin_token,omitempty"`

	// Whether requests need a key: on or off. Default: on
	Auth Value `json:"auth,omitempty"`

	// Says a second time that auth is off, which is needed where the gateway
	// listens beyond the loopback interface. Default: false
	AuthInsecure Value `json:"auth_insecure,omitempty"`

	// The address under which clients reach the gateway, for links to results.
	// Default: the address of the request
	PublicURL string `json:"public_url,omitempty"`

	// The most tasks that run at once in the whole gateway. Default: 0, which is
	// no limit but the slots of the sessions
	Concurrency Value `json:"concurrency,omitempty"`

	// How often the upstream is asked for the state of a task, unless it asks
	// for another interval. Default: 5s
	PollInterval Duration `json:"poll_interval,omitempty"`

	// How often a session that works is asked for its credits and whether it still
	// does, without spending anything; one that is out of service is asked three
	// times as often. Never more than once a minute. Default: 30m
	ProbeInterval Duration `json:"probe_interval,omitempty"`

	// How long a task may wait in the queue. Default: 24h
	StartDeadline Duration `json:"start_deadline,omitempty"`

	// How long an attempt may run at an upstream. Default: 4h
	RunDeadline Duration `json:"run_deadline,omitempty"`

	// How long a task may take from its submit to its end.
	// Default: start_deadline and run_deadline together
	TotalDeadline Duration `json:"total_deadline,omitempty"`

	// How often another session may take over a task that the upstream surely
	// did not accept. Default: 3
	MaxFailovers Value `json:"max_failovers,omitempty"`

	// The model of requests for videos that name none.
	// Default: jimeng-video-seedance-2.0
	DefaultModel string `json:"default_model,omitempty"`

	// The model of requests for images that name none. Default: jimeng-4.5
	DefaultImageModel string `json:"default_image_model,omitempty"`

	// Where people sign in to the dashboard. Default: nowhere, so that they need a
	// key
	OIDC *OIDC `json:"oidc,omitempty"`

	// Limits on the input files of one request, and how they are got and kept.
	Materials *Materials `json:"materials,omitempty"`

	// How long results and tasks are kept, and how much room files may take.
	Retention *Retention `json:"retention,omitempty"`

	// How long a signed link to a result works. Default: 24h
	LinkTTL Duration `json:"link_ttl,omitempty"`

	// The time zone whose days the daily quotas and the usage are counted by, as
	// IANA names it: Asia/Shanghai. Default: UTC
	TimeZone string `json:"time_zone,omitempty"`

	// The names of the upstreams' Docker containers, whose logs and state the
	// gateway shows: an array, or a string, with commas between several. The first
	// is the one that /api/v1/health names. Default: none
	Container Containers `json:"container,omitempty"`

	// Where Docker answers: unix:///PATH or tcp://HOST:PORT. It cannot change on a
	// reload. Default: the variable DOCKER_HOST, then unix:///var/run/docker.sock
	DockerHost string `json:"docker_host,omitempty"`

	// Whether admins may restart these containers through the API: on or off.
	// Default: off
	ContainerRestart Value `json:"container_restart,omitempty"`

	// How long calls to the upstream may go on when the process stops, before
	// the rest is handed over. Default: 10s
	GracePeriod Duration `json:"grace_period,omitempty"`

	// The upstreams by name. Each is an object with the name of its driver in
	// "driver" and the driver's own options beside it.
	// Default: one upstream free_api at http://127.0.0.1:8000
	UpstreamsRaw map[string]json.RawMessage `json:"upstreams,omitempty" caddy:"namespace=jimeng.upstreams inline_key=driver"`

	// The most tasks that run at once on one upstream, by its name; 0 is no
	// limit. Default: 0
	UpstreamConcurrency map[string]Value `json:"upstream_concurrency,omitempty"`

	// What the models can do, by ID, where that is not what the drivers say, and
	// models that they do not know. There are no placeholders in here.
	// Default: the models that the drivers know
	Models map[string]*Model `json:"models,omitempty"`
}

// Retention says how long results and tasks are kept, and how much room files
// may take.
type Retention struct {
	// How long the files of a result are kept after the end of their task, unless
	// its key has a time of its own; 0 or never keeps them. Default: never
	Artifacts Duration `json:"artifacts,omitempty"`

	// How long ended tasks are kept, with their files; 0 or never keeps them.
	// Default: never
	Tasks Duration `json:"tasks,omitempty"`

	// How long the lines of the audit log are kept; 0 or never keeps them.
	// Default: 365d
	Audit Duration `json:"audit,omitempty"`

	// How much room results and materials may take together, such as 50GiB;
	// above it, unused materials and then the files of the tasks that ended
	// first are deleted. 0 is no
	// bound. Default: 0
	Budget Value `json:"budget,omitempty"`
}

// settings is a configuration with its placeholders replaced, checked, and
// complete with the defaults.
type settings struct {
	database, dataDir, adminToken        string
	secretKey, oldSecretKey              string
	auth, authInsecure                   bool
	publicURL, dockerHost                string
	containers                           []string
	containerRestart                     bool
	defaultModel, defaultImageModel      string
	concurrency, maxFailovers            int
	materials                            api.MaterialConfig
	keepMaterials                        time.Duration
	pollInterval, linkTTL, gracePeriod   time.Duration
	probeInterval                        time.Duration
	startDeadline, runDeadline, deadline time.Duration
	keepArtifacts, keepTasks, keepAudit  time.Duration
	budget                               int64
	zone                                 *time.Location
	upstreamConcurrency                  map[string]int
	upstreams                            map[string]string // in words
	models                               map[string]queue.ModelSettings
	oidc                                 *auth.OIDCConfig // nil without single sign-on
}

// resolve checks the whole configuration and reports every fault in it. It has
// no effect on the world, so that `validate` may call it beside a running
// gateway.
func (c *Config) resolve() (*settings, error) {
	var s settings
	var faults []error
	retention := Retention{}
	if c.Retention != nil {
		retention = *c.Retention
	}
	set(&faults, &s.database, "database", c.Database, "sqlite://data/gateway.db", verbatim)
	set(&faults, &s.dataDir, "data_dir", c.DataDir, "data", verbatim)
	set(&faults, &s.secretKey, "secret_key", c.SecretKey, "", parseSecretKey)
	set(&faults, &s.oldSecretKey, "old_secret_key", c.OldSecretKey, "", parseSecretKey)
	if s.oldSecretKey != "" && s.secretKey == "" {
		faults = append(faults, errors.New("old_secret_key: is for a key that was configured; without secret_key, the file in data_dir holds the keys"))
	}
	set(&faults, &s.adminToken, "admin_token", c.AdminToken, "", verbatim)
	set(&faults, &s.auth, "auth", string(c.Auth), true, parseSwitch)
	set(&faults, &s.authInsecure, "auth_insecure", string(c.AuthInsecure), false, parseInsecure)
	set(&faults, &s.publicURL, "public_url", c.PublicURL, "", parsePublicURL)
	set(&faults, &s.concurrency, "concurrency", string(c.Concurrency), 0, parseCount)
	set(&faults, &s.pollInterval, "poll_interval", string(c.PollInterval), 5*time.Second, parseDuration)
	set(&faults, &s.probeInterval, "probe_interval", string(c.ProbeInterval), 30*time.Minute, parseDuration)
	set(&faults, &s.startDeadline, "start_deadline", string(c.StartDeadline), 24*time.Hour, parseDuration)
	set(&faults, &s.runDeadline, "run_deadline", string(c.RunDeadline), 4*time.Hour, parseDuration)
	set(&faults, &s.deadline, "total_deadline", string(c.TotalDeadline), s.startDeadline+s.runDeadline, parseDuration)
	set(&faults, &s.maxFailovers, "max_failovers", string(c.MaxFailovers), 3, parseCount)
	set(&faults, &s.defaultModel, "default_model", c.DefaultModel, "jimeng-video-seedance-2.0", verbatim)
	set(&faults, &s.keepArtifacts, "artifacts", string(retention.Artifacts), 0, parseKeep)
	set(&faults, &s.keepTasks, "tasks", string(retention.Tasks), 0, parseKeep)
	set(&faults, &s.keepAudit, "audit", string(retention.Audit), 365*24*time.Hour, parseKeep)
	set(&faults, &s.budget, "budget", string(retention.Budget), 0, parseBudget)
	set(&faults, &s.defaultImageModel, "default_image_model", c.DefaultImageModel, "jimeng-4.5", verbatim)
	c.Materials.resolve(&faults, &s)
	s.oidc = c.OIDC.resolve(&faults)
	set(&faults, &s.linkTTL, "link_ttl", string(c.LinkTTL), 24*time.Hour, parseDuration)
	set(&faults, &s.zone, "time_zone", c.TimeZone, time.UTC, parseZone)
	c.resolveDocker(&faults, &s)
	set(&faults, &s.gracePeriod, "grace_period", string(c.GracePeriod), 10*time.Second, parseDuration)
	if dir, err := filepath.Abs(s.dataDir); err == nil {
		s.dataDir = realPath(dir) // seen the same after a reload
	}
	s.upstreamConcurrency = map[string]int{}
	for _, name := range slices.Sorted(maps.Keys(c.UpstreamConcurrency)) {
		if _, configured := c.UpstreamsRaw[name]; !configured {
			faults = append(faults, fmt.Errorf("upstream_concurrency: there is no upstream %q", name))
		}
		n := 0
		set(&faults, &n, "upstream_concurrency "+name, string(c.UpstreamConcurrency[name]), 0, parseCount)
		s.upstreamConcurrency[name] = n
	}
	s.models = map[string]queue.ModelSettings{}
	for _, id := range slices.Sorted(maps.Keys(c.Models)) {
		if err := c.Models[id].check(id); err != nil {
			faults = append(faults, fmt.Errorf("model %s: %w", id, err))
			continue
		}
		s.models[id] = c.Models[id].resolve()
	}
	if _, err := databaseIdentity(s.database); err != nil {
		faults = append(faults, fmt.Errorf("database: %w", err))
	}
	return &s, oneLine(faults)
}

// queue is what of the settings the queue needs.
func (s *settings) queue(drivers map[string]upstream.Driver) queue.Settings {
	upstreams := make(map[string]queue.Upstream, len(drivers))
	for name, driver := range drivers {
		upstreams[name] = queue.Upstream{Driver: driver, Concurrency: s.upstreamConcurrency[name]}
	}
	return queue.Settings{
		Upstreams:     upstreams,
		Concurrency:   s.concurrency,
		PollInterval:  s.pollInterval,
		StartDeadline: s.startDeadline,
		RunDeadline:   s.runDeadline,
		Deadline:      s.deadline,
		MaxFailovers:  s.maxFailovers,
		ProbeInterval: s.probeInterval,
		KeepMaterials: s.keepMaterials,
		Models:        s.models,
		Retention:     queue.Retention{Artifacts: s.keepArtifacts, Tasks: s.keepTasks, Audit: s.keepAudit, Budget: s.budget},
		Zone:          s.zone,
	}
}

// oneLine joins errors so that a log shows them in one line.
func oneLine(faults []error) error {
	if len(faults) < 2 {
		return errors.Join(faults...)
	}
	return fmt.Errorf("%w; %w", faults[0], oneLine(faults[1:]))
}

// set resolves one option into its field and collects the fault, if any.
func set[T any](faults *[]error, field *T, option, text string, fallback T, parse func(string) (T, error)) {
	value, err := resolve(option, text, fallback, parse)
	if err != nil {
		*faults = append(*faults, err)
	}
	*field = value
}

func verbatim(text string) (string, error) { return text, nil }

// parseSecretKey never repeats the key in its error.
func parseSecretKey(text string) (string, error) {
	if key, err := hex.DecodeString(text); err != nil || len(key) != 32 {
		return "", errors.New("allowed are exactly 64 hex digits, as `openssl rand -hex 32` makes them")
	}
	return text, nil
}

// parseInsecure also takes the word that the Caddyfile has for it.
func parseInsecure(text string) (bool, error) {
	if text == "insecure" {
		return true, nil
	}
	return parseSwitch(text)
}

func parsePublicURL(text string) (string, error) {
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.RawQuery != "" || u.Fragment != "" || u.User != nil {
		return "", fmt.Errorf("%q is not possible; allowed is an address such as https://jimeng.example.com", text)
	}
	return strings.TrimSuffix(text, "/"), nil
}

// databaseIdentity names the database that a URL points at, without its
// credentials and options: two configurations with the same identity share one
// engine. It never contains a password.
func databaseIdentity(databaseURL string) (string, error) {
	const allowed = "allowed: sqlite://PATH or postgres://USER:PASSWORD@HOST/NAME"
	if strings.HasPrefix(databaseURL, "sqlite://") {
		path, err := store.SQLitePath(databaseURL)
		if err != nil {
			return "", err
		}
		return "sqlite://" + realPath(path), nil
	}
	u, err := url.Parse(databaseURL)
	if err != nil { // the error would repeat the URL with its password
		return "", errors.New("not a URL; " + allowed)
	}
	switch u.Scheme {
	case "postgres", "postgresql":
		query := u.Query()
		host := u.Hostname() + query.Get("host")
		port := u.Port() + query.Get("port")
		if port == "" {
			port = "5432"
		}
		return "postgres://" + host + ":" + port + "/" + strings.Trim(u.Path, "/") + "?" + query.Get("search_path"), nil
	}
	return "", fmt.Errorf("the scheme %q is not possible; %s", u.Scheme, allowed)
}

// realPath follows the links in an absolute path, also when its end does not
// exist yet: a database must have the same identity before and after its file
// was made.
func realPath(path string) string {
	if real, err := filepath.EvalSymlinks(path); err == nil {
		return real
	}
	dir, name := filepath.Split(path)
	if dir = filepath.Clean(dir); dir == path {
		return path
	}
	return filepath.Join(realPath(dir), name)
}
