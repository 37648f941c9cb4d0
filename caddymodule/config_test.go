package caddymodule

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/google/go-cmp/cmp"

	"github.com/jimeng-gateway/jimeng-gateway/auth"
)

func parse(t *testing.T, options string) *Config {
	t.Helper()
	c := new(Config)
	if err := c.UnmarshalCaddyfile(caddyfile.NewTestDispenser("jimeng {\n" + options + "\n}")); err != nil {
		t.Fatal(err)
	}
	return c
}

func TestDefaults(t *testing.T) {
	t.Parallel()
	s, err := new(Config).resolve()
	if err != nil {
		t.Fatal(err)
	}
	if s.database != "sqlite://data/gateway.db" || !s.auth || s.authInsecure || s.concurrency != 0 || s.pollInterval != 5*time.Second || s.probeInterval != 30*time.Minute ||
		s.startDeadline != 24*time.Hour || s.runDeadline != 4*time.Hour || s.deadline != 28*time.Hour || s.maxFailovers != 3 || s.materials.Count != 12 || s.keepMaterials != 7*24*time.Hour ||
		s.materials.Total != 300<<20 || s.materials.Fetch || s.materials.PrivateURLs || s.linkTTL != 24*time.Hour || s.gracePeriod != 10*time.Second || s.defaultModel != "jimeng-video-seedance-2.0" {
		t.Errorf("%+v", s)
	}
	if want, _ := filepath.Abs("data"); s.dataDir != realPath(want) {
		t.Errorf("data_dir is %s, want %s", s.dataDir, want)
	}
}

// An empty variable is no setting, so that the shipped Caddyfile can name them
// all; seconds are what the variables of the earlier gateway hold.
func TestPlaceholders(t *testing.T) {
	t.Setenv("EMPTY", "")
	t.Setenv("SECONDS", "90")
	t.Setenv("FALSE", "false")
	t.Setenv("TOKEN", " secret\n")
	s, err := parse(t, `
		database {env.EMPTY}
		concurrency {env.EMPTY}
		auth {env.FALSE} {env.EMPTY}
		poll_interval {env.SECONDS}
		total_deadline {env.EMPTY}
		admin_token {env.TOKEN}
		public_url https://{env.FALSE}.example.com/
	`).resolve()
	if err != nil {
		t.Fatal(err)
	}
	if s.database != "sqlite://data/gateway.db" || s.concurrency != 0 || s.auth || s.authInsecure || s.pollInterval != 90*time.Second ||
		s.deadline != 28*time.Hour || s.adminToken != "secret" || s.publicURL != "https://false.example.com" {
		t.Errorf("%+v", s)
	}
}

// A placeholder stays as it is, also when its name has the word for itself.
func TestAuthPlaceholder(t *testing.T) {
	t.Setenv("insecure_gateway", "true")
	c := parse(t, "auth off {env.insecure_gateway}")
	if c.AuthInsecure != "{env.insecure_gateway}" {
		t.Errorf("it became %s", c.AuthInsecure)
	}
	if s, err := c.resolve(); err != nil || !s.authInsecure {
		t.Errorf("%+v, %v", s, err)
	}
	if c := parse(t, "auth off insecure"); c.AuthInsecure != "true" {
		t.Errorf("insecure became %s", c.AuthInsecure)
	}
}

// Faults that hide behind placeholders appear when the configuration is loaded:
// all of them in one line, with the option's name, without secrets.
func TestResolveErrors(t *testing.T) {
	t.Setenv("WORD", "hunter2")
	t.Setenv("URL", "ftp://user:hunter2@host/x")
	_, err := parse(t, `
		concurrency {env.WORD}
		poll_interval {env.WORD}
		auth {env.WORD} {env.WORD}
		materials {
			image {
				max_size {env.WORD}
			}
			max_count {env.WORD}
			max_total {env.WORD}
		}
		start_deadline {no.such.placeholder}
		upstream_concurrency nobody 3
	`).resolve()
	if err == nil {
		t.Fatal("no error")
	}
	for _, option := range []string{"concurrency", "poll_interval", "auth", "auth_insecure", "materials max_count", "materials max_total", "materials image max_size", "start_deadline", `there is no upstream "nobody"`} {
		if !strings.Contains(err.Error(), option) {
			t.Errorf("%s is missing in: %v", option, err)
		}
	}
	if strings.Contains(err.Error(), "\n") {
		t.Errorf("more than one line: %v", err)
	}
	for _, secret := range []string{"secret_key {env.WORD}", "database {env.URL}"} {
		if _, err := parse(t, secret).resolve(); err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %v", secret, err)
		}
	}
}

func TestJSON(t *testing.T) {
	t.Parallel()
	const text = `{"auth":false,"concurrency":7,"poll_interval":2500000000,"start_deadline":"1h","total_deadline":"60","materials":{"image":{"max_size":5},"max_count":"{env.N}","max_total":10}}`
	var c Config
	if err := json.Unmarshal([]byte(text), &c); err != nil {
		t.Fatal(err)
	}
	s, err := c.resolve()
	if err != nil {
		t.Fatal(err)
	}
	if s.auth || s.concurrency != 7 || s.pollInterval != 2500*time.Millisecond || s.startDeadline != time.Hour || s.deadline != time.Minute || s.materials.Total != 10 || s.materials.Image.Size != 5 {
		t.Errorf("%+v", s)
	}
	got, err := json.Marshal(c)
	want := strings.Replace(text, "2500000000", `"2.5s"`, 1)
	if err != nil || string(got) != want {
		t.Errorf("%s, %v, want %s", got, err, want)
	}
	for _, wrong := range []string{`{"concurrency":{}}`, `{"concurrency":[1]}`, `{"poll_interval":true}`, `{"poll_interval":{}}`} {
		if err := json.Unmarshal([]byte(wrong), new(Config)); err == nil {
			t.Errorf("no error for %s", wrong)
		}
	}
}

func TestDatabaseIdentity(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if real, err := filepath.EvalSymlinks(dir); err == nil {
		dir = real
	}
	if err := os.MkdirAll(filepath.Join(dir, "data"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(filepath.Join(dir, "data"), filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	same := func(a, b string) {
		t.Helper()
		x, err := databaseIdentity(a)
		if err != nil {
			t.Fatal(err)
		}
		y, err := databaseIdentity(b)
		if err != nil || x != y {
			t.Errorf("%s is %s, %s is %s, %v", a, x, b, y, err)
		}
		if strings.Contains(x, "secret") {
			t.Errorf("%s holds the password", x)
		}
	}
	same("sqlite://"+dir+"/data/x.db", "sqlite://"+dir+"/link/../link/x.db")
	before, err := databaseIdentity("sqlite://" + dir + "/link/new/x.db")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Join(dir, "data/new"), 0o700); err != nil {
		t.Fatal(err)
	}
	if after, _ := databaseIdentity("sqlite://" + dir + "/link/new/x.db"); after != before {
		t.Errorf("was %s, is %s once its folder exists", before, after)
	}
	same("postgres://ana:secret@db/jimeng", "postgresql://bob:secret2@db:5432/jimeng?sslmode=disable")
	same("postgres:///jimeng?host=/run/pg&user=ana&password=secret", "postgres:///jimeng?host=/run/pg")
	for _, wrong := range []string{"", "sqlite://", "mysql://db", "postgres://a:secret@[", "data/gateway.db"} {
		if _, err := databaseIdentity(wrong); err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("%q: %v", wrong, err)
		}
	}
}

func TestRetention(t *testing.T) {
	t.Setenv("KEEP", "90")
	const day = 24 * time.Hour
	for text, want := range map[string][3]int64{
		"":               {0, 0, 0},
		"retention {\n}": {0, 0, 0},
		"retention {\nartifacts 30d\ntasks 90d\nbudget 50GiB\n}":         {int64(30 * day), int64(90 * day), 50 << 30},
		"retention {\nartifacts never\ntasks 0\nbudget 0\n}":             {0, 0, 0},
		"retention {\nartifacts {env.KEEP}\ntasks {env.NONE}\n}":         {int64(90 * time.Second), 0, 0},
		"retention {\nartifacts 1h\n}\nlink_ttl 1h\nconcurrency 1":       {int64(time.Hour), 0, 0},
		"retention {\nbudget 1000000\n}\nmaterials {\nmax_count 1\n}":    {0, 0, 1_000_000},
		"materials {\nmax_count 1\n}\nretention {\ntasks 86400\n}":       {0, int64(day), 0},
		"retention {\ntasks never\nartifacts 0s\n}\nlink_ttl 1h":         {0, 0, 0},
		"retention {\nartifacts 12h30m\nbudget 1KiB\n}\nmax_failovers 1": {int64(12*time.Hour + 30*time.Minute), 0, 1024},
	} {
		c := new(Config)
		err := c.UnmarshalCaddyfile(caddyfile.NewTestDispenser("jimeng {\n" + text + "\n}"))
		if err != nil {
			t.Errorf("%q: %v", text, err)
			continue
		}
		s, err := c.resolve()
		if err != nil || [3]int64{int64(s.keepArtifacts), int64(s.keepTasks), s.budget} != want {
			t.Errorf("%q: %s, %s, %d (%v)", text, s.keepArtifacts, s.keepTasks, s.budget, err)
		}
	}
	var c Config
	if err := json.Unmarshal([]byte(`{"retention":{"artifacts":0,"tasks":3600000000000,"budget":1024}}`), &c); err != nil {
		t.Fatal(err)
	}
	if s, err := c.resolve(); err != nil || s.keepArtifacts != 0 || s.keepTasks != time.Hour || s.budget != 1024 {
		t.Errorf("JSON: %+v, %v", s, err)
	}
}

func TestOIDC(t *testing.T) {
	t.Setenv("ISSUER", "")
	t.Setenv("ADMINS", "chief, head of film")
	const block = `oidc {
		issuer {env.ISSUER}
		client_id gateway
		scopes profile {env.SCOPES}
		role admin {env.ADMINS} "cn=boss,ou=film"
		bearer_audience unused
	}`
	// The shipped Caddyfile names every variable; without an issuer nothing is on.
	if s, err := parse(t, block).resolve(); err != nil || s.oidc != nil {
		t.Errorf("without an issuer: %+v, %v", s.oidc, err)
	}
	t.Setenv("ISSUER", "https://id.example.com")
	t.Setenv("SCOPES", "groups offline_access")
	s, err := parse(t, block).resolve()
	if err != nil {
		t.Fatal(err)
	}
	want := &auth.OIDCConfig{
		Issuer: "https://id.example.com", ClientID: "gateway", Scopes: []string{"profile", "groups", "offline_access"}, Lifetime: 12 * time.Hour,
		Roles: auth.RoleRules{Claim: "roles", Values: map[auth.Role][]string{auth.Administrator: {"chief", "head of film", "cn=boss,ou=film"}}},
	}
	if diff := cmp.Diff(want, s.oidc); diff != "" {
		t.Error(diff)
	}
	for options, want := range map[string]string{
		"issuer https://id.example.com":                                            "oidc client_id is missing",
		"issuer https://id.example.com\nclient_id x\nbearer on":                    "oidc bearer_audience is missing",
		"issuer https://id.example.com\nclient_id x\nbearer on\nbearer_audience x": "bearer_audience must not be the client_id",
		"issuer {env.BAD}\nclient_id x":                                            "it must begin with https://",
	} {
		t.Setenv("BAD", "http://id.example.com")
		if _, err := parse(t, "oidc {\n"+options+"\n}").resolve(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", options, err, want)
		}
	}
}

func TestContainers(t *testing.T) {
	t.Setenv("SEVERAL", "abroad, third  jimeng-api")
	t.Setenv("EMPTY", "")
	t.Setenv("DOCKER", "ssh://elsewhere")
	s, err := parse(t, "container jimeng-api {env.SEVERAL} {env.EMPTY}\ndocker_host tcp://10.0.0.5:2376").resolve()
	if err != nil || strings.Join(s.containers, " ") != "jimeng-api abroad third" || s.firstContainer() != "jimeng-api" || s.dockerHost != "tcp://10.0.0.5:2376" || s.containerRestart {
		t.Errorf("%v %q, %v", s.containers, s.dockerHost, err)
	}
	// What is in the environment for others is no fault as long as it is not needed.
	if s, err := parse(t, "container {env.EMPTY}\ndocker_host {env.DOCKER}").resolve(); err != nil || len(s.containers) != 0 || s.firstContainer() != "" {
		t.Errorf("%v, %v", s, err)
	}
	if _, err := parse(t, "container {env.SEVERAL}\ndocker_host {env.DOCKER}").resolve(); err == nil || !strings.Contains(err.Error(), "forward the socket") {
		t.Error(err)
	}
	t.Setenv("SEVERAL", "a1 $(reboot)")
	if _, err := parse(t, "container {env.SEVERAL}").resolve(); err == nil || !strings.Contains(err.Error(), `"$(reboot)" is not the name of a container`) {
		t.Error(err)
	}
	for text, want := range map[string]int{`"a1"`: 1, `["a1","b1"]`: 2, `""`: 0, `[]`: 0} {
		var c Containers
		if err := json.Unmarshal([]byte(text), &c); err != nil || len(c) != want {
			t.Errorf("%s: %v, %v", text, c, err)
		}
	}
}
