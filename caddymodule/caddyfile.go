package caddymodule

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/caddyconfig/httpcaddyfile"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

func init() {
	caddy.RegisterModule(new(App))
	caddy.RegisterModule(Handler{})
	caddy.RegisterModule(Dashboard{})
	caddy.RegisterModule(Admin{})
	httpcaddyfile.RegisterGlobalOption("jimeng", parseGlobalOption)
	httpcaddyfile.RegisterHandlerDirective("jimeng", parseHandler)
	httpcaddyfile.RegisterDirective("jimeng_dashboard", parseDashboard)
	// The API decides by path, so it comes before whatever else may answer; the
	// dashboard answers everything that is left, as a file server does.
	httpcaddyfile.RegisterDirectiveOrder("jimeng", httpcaddyfile.Before, "respond")
	httpcaddyfile.RegisterDirectiveOrder("jimeng_dashboard", httpcaddyfile.Before, "file_server")
}

// option reads the arguments of one option into the configuration.
type option struct {
	syntax string
	read   func(c *Config, args []string) error
}

// options has every option that is one line. The block retention has
// a table of its own; materials, oidc, upstream and model are read by functions.
var options = map[string]option{
	"database":            setting("database <url>", func(c *Config) *string { return &c.Database }, databaseIdentity),
	"data_dir":            setting("data_dir <folder>", func(c *Config) *string { return &c.DataDir }, verbatim),
	"secret_key":          setting("secret_key <64 hex digits>", func(c *Config) *string { return &c.SecretKey }, parseSecretKey),
	"old_secret_key":      setting("old_secret_key <64 hex digits>", func(c *Config) *string { return &c.OldSecretKey }, parseSecretKey),
	"admin_token":         setting("admin_token <token>", func(c *Config) *string { return &c.AdminToken }, verbatim),
	"auth":                {"auth on|off [insecure]", readAuth},
	"public_url":          setting("public_url <url>", func(c *Config) *string { return &c.PublicURL }, parsePublicURL),
	"concurrency":         setting("concurrency <number>", func(c *Config) *Value { return &c.Concurrency }, parseCount),
	"poll_interval":       setting("poll_interval <duration>", func(c *Config) *Duration { return &c.PollInterval }, parseDuration),
	"probe_interval":      setting("probe_interval <duration>", func(c *Config) *Duration { return &c.ProbeInterval }, parseDuration),
	"start_deadline":      setting("start_deadline <duration>", func(c *Config) *Duration { return &c.StartDeadline }, parseDuration),
	"run_deadline":        setting("run_deadline <duration>", func(c *Config) *Duration { return &c.RunDeadline }, parseDuration),
	"total_deadline":      setting("total_deadline <duration>", func(c *Config) *Duration { return &c.TotalDeadline }, parseDuration),
	"max_failovers":       setting("max_failovers <number>", func(c *Config) *Value { return &c.MaxFailovers }, parseCount),
	"default_model":       setting("default_model <model>", func(c *Config) *string { return &c.DefaultModel }, verbatim),
	"default_image_model": setting("default_image_model <model>", func(c *Config) *string { return &c.DefaultImageModel }, verbatim),
	"link_ttl":            setting("link_ttl <duration>", func(c *Config) *Duration { return &c.LinkTTL }, parseDuration),
	"time_zone":           setting("time_zone <name>", func(c *Config) *string { return &c.TimeZone }, parseZone),
	"container":           {"container <name…>", readContainers},
	"container_restart":   setting("container_restart on|off", func(c *Config) *Value { return &c.ContainerRestart }, parseSwitch),
	"docker_host":         setting("docker_host <address>", func(c *Config) *string { return &c.DockerHost }, parseDockerHost),
	"grace_period":        setting("grace_period <duration>", func(c *Config) *Duration { return &c.GracePeriod }, parseDuration),
}

// retentionOptions are the options within the block retention.
var retentionOptions = map[string]option{
	"artifacts": setting("artifacts <duration>|never", func(c *Config) *Duration { return &c.Retention.Artifacts }, parseKeep),
	"tasks":     setting("tasks <duration>|never", func(c *Config) *Duration { return &c.Retention.Tasks }, parseKeep),
	"audit":     setting("audit <duration>|never", func(c *Config) *Duration { return &c.Retention.Audit }, parseKeep),
	"budget":    setting("budget <size>", func(c *Config) *Value { return &c.Retention.Budget }, parseBudget),
}

const (
	upstreamSyntax            = "upstream <driver> [<name>] { … }"
	upstreamConcurrencySyntax = "upstream_concurrency <name> <number>"
)

// UnmarshalCaddyfile reads the global option jimeng. Every option may be given
// once, upstream, upstream_concurrency and model once per name; all of them are
// optional, and [Config] tells the defaults. Syntax:
//
//	jimeng {
//		database       <url>
//		data_dir       <folder>
//		secret_key     <64 hex digits>
//		old_secret_key <64 hex digits>
//		admin_token    <token>
//		auth           on|off [insecure]
//		public_url     <url>
//		concurrency    <number>
//		poll_interval  <duration>
//		probe_interval <duration>
//		start_deadline <duration>
//		run_deadline   <duration>
//		total_deadline <duration>
//		max_failovers  <number>
//		default_model  <model>
//		default_image_model <model>
//		link_ttl       <duration>
//		time_zone      <name>
//		container      <name…>
//		container_restart on|off
//		docker_host    <address>
//		grace_period   <duration>
//		oidc {
//			issuer          <url>
//			client_id       <id>
//			client_secret   <secret>
//			redirect_url    <url>
//			scopes          <name…>
//			role_claim      <claim>
//			role            admin|operator|viewer <value…>
//			default_role    admin|operator|viewer
//			label           <text>
//			lifetime        <duration>
//			bearer          on|off
//			bearer_audience <audience>
//		}
//		materials {
//			image|video|audio {
//				max_size   <size>
//				max_pixels <number>
//				max_length <duration>
//				max_count  <number>
//			}
//			max_count    <number>
//			max_total    <size>
//			fetch        on|off
//			private_urls on|off
//			keep         <duration>
//		}
//		retention {
//			artifacts <duration>|never
//			tasks     <duration>|never
//			audit     <duration>|never
//			budget    <size>
//		}
//		upstream <driver> [<name>] {
//			<options of the driver>
//		}
//		upstream_concurrency <name> <number>
//		model <id> {
//			<options of a model, see [Model]>
//		}
//	}
//
// The name of an upstream is its driver's unless another is given.
func (c *Config) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	d.Next() // the name of the option
	if d.NextArg() {
		return d.Errf("jimeng takes no argument %q; its options stand in a block: jimeng { … }", d.Val())
	}
	seen := map[string]bool{}
	for d.NextBlock(0) {
		var err error
		switch name := d.Val(); name {
		case "materials":
			err = c.readMaterials(d, seen)
		case "oidc":
			err = c.readOIDC(d, seen)
		case "retention":
			if c.Retention == nil {
				c.Retention = new(Retention)
			}
			err = c.readBlock(d, retentionOptions, seen)
		case "upstream":
			err = c.readUpstream(d)
		case "upstream_concurrency":
			err = c.readUpstreamConcurrency(d)
		case "model":
			err = c.readModel(d)
		default:
			err = c.readOption(d, "jimeng", options, seen, "materials", "model", "oidc", "retention", "upstream", "upstream_concurrency")
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// readOption reads the option under the cursor; more names the options that are
// allowed besides the table's.
func (c *Config) readOption(d *caddyfile.Dispenser, block string, table map[string]option, seen map[string]bool, more ...string) error {
	name := d.Val()
	o, known := table[name]
	if !known {
		allowed := slices.Sorted(maps.Keys(table))
		allowed = append(allowed, more...)
		slices.Sort(allowed)
		return d.Errf("%s has no option %q; allowed: %s", block, name, strings.Join(allowed, ", "))
	}
	if seen[name] {
		return d.Errf("%s is given twice", name)
	}
	seen[name] = true
	args := d.RemainingArgs()
	if d.NextBlock(d.Nesting()) {
		return d.Errf("%s takes no block; allowed: %s", name, o.syntax)
	}
	if err := o.read(c, args); errors.Is(err, errArguments) {
		return d.Errf("%s has a wrong number of arguments; allowed: %s", name, o.syntax)
	} else if err != nil {
		return d.Errf("%s: %w", name, err)
	}
	return nil
}

// readBlock reads a block of options that the configuration keeps together.
func (c *Config) readBlock(d *caddyfile.Dispenser, table map[string]option, seen map[string]bool) error {
	name := d.Val()
	if err := openBlock(d, name, seen); err != nil {
		return err
	}
	inner := map[string]bool{}
	for nesting := d.Nesting(); d.NextBlock(nesting); {
		if err := c.readOption(d, name, table, inner); err != nil {
			return err
		}
	}
	return nil
}

// upstreamName keeps names fit for the API and for log fields.
var upstreamName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_.-]*$`)

func (c *Config) readUpstream(d *caddyfile.Dispenser) error {
	if !d.NextArg() {
		return d.Errf("upstream has a wrong number of arguments; allowed: %s", upstreamSyntax)
	}
	driver := d.Val()
	name := driver
	if d.NextArg() {
		name = d.Val()
	}
	if !upstreamName.MatchString(name) {
		return d.Errf("upstream: the name %q is not possible; allowed are letters, digits, '_', '-' and '.'", name)
	}
	if _, twice := c.UpstreamsRaw[name]; twice {
		return d.Errf("upstream %s is given twice; give the second one a name of its own: %s", name, upstreamSyntax)
	}
	if _, err := caddy.GetModule(upstreamNamespace + "." + driver); err != nil {
		return d.Errf("upstream: there is no driver %q; allowed: %s", driver, strings.Join(drivers(), ", "))
	}
	if d.CountRemainingArgs() > 0 {
		return d.Errf("upstream has a wrong number of arguments; allowed: %s", upstreamSyntax)
	}
	module, err := caddyfile.UnmarshalModule(d, upstreamNamespace+"."+driver) // sees the last argument and the block
	if err != nil {
		return err
	}
	if c.UpstreamsRaw == nil {
		c.UpstreamsRaw = map[string]json.RawMessage{}
	}
	c.UpstreamsRaw[name] = caddyconfig.JSONModuleObject(module, "driver", driver, nil)
	return nil
}

func (c *Config) readUpstreamConcurrency(d *caddyfile.Dispenser) error {
	args := d.RemainingArgs()
	if len(args) != 2 {
		return d.Errf("upstream_concurrency has a wrong number of arguments; allowed: %s", upstreamConcurrencySyntax)
	}
	name, limit := args[0], args[1]
	if _, twice := c.UpstreamConcurrency[name]; twice {
		return d.Errf("upstream_concurrency %s is given twice", name)
	}
	if err := check(parseCount)(limit); err != nil {
		return d.Errf("upstream_concurrency %s: %w", name, err)
	}
	if c.UpstreamConcurrency == nil {
		c.UpstreamConcurrency = map[string]Value{}
	}
	c.UpstreamConcurrency[name] = Value(limit)
	return nil
}

// drivers lists the names of the drivers that were compiled in.
func drivers() []string {
	var names []string
	for _, module := range caddy.GetModules(upstreamNamespace) {
		names = append(names, module.ID.Name())
	}
	slices.Sort(names)
	return names
}

// errArguments asks for the message with the syntax of the option.
var errArguments = errors.New("wrong number of arguments")

func readAuth(c *Config, args []string) error {
	if len(args) < 1 || len(args) > 2 {
		return errArguments
	}
	if err := check(parseSwitch)(args[0]); err != nil {
		return err
	}
	c.Auth = Value(args[0])
	if len(args) == 2 {
		if args[1] != "insecure" && !deferred(args[1]) {
			return fmt.Errorf("%q is not possible; allowed: on|off [insecure]", args[1])
		}
		if c.AuthInsecure = Value(args[1]); args[1] == "insecure" {
			c.AuthInsecure = "true"
		}
	}
	return nil
}

// setting is an option with one argument, which is kept as text: it may hold
// placeholders.
func setting[S ~string, T any](syntax string, field func(*Config) *S, parse func(string) (T, error)) option {
	return option{syntax, func(c *Config, args []string) error {
		if len(args) != 1 {
			return errArguments
		}
		*field(c) = S(args[0])
		return check(parse)(args[0])
	}}
}

// check tells at once what would fail when the configuration is loaded, as far
// as that does not hang on placeholders.
func check[T any](parse func(string) (T, error)) func(string) error {
	return func(text string) error {
		if deferred(text) {
			return nil
		}
		_, err := parse(text)
		return err
	}
}

func parseGlobalOption(d *caddyfile.Dispenser, existing any) (any, error) {
	if existing != nil {
		d.Next() // for the line in the message
		return nil, d.Errf("the global option jimeng is given twice")
	}
	app := new(App)
	if err := app.UnmarshalCaddyfile(d); err != nil {
		return nil, err
	}
	return httpcaddyfile.App{Name: "jimeng", Value: caddyconfig.JSON(app, nil)}, nil
}

func parseHandler(h httpcaddyfile.Helper) (caddyhttp.MiddlewareHandler, error) {
	handler := new(Handler)
	return handler, handler.UnmarshalCaddyfile(h.Dispenser)
}

// Interface guards
var (
	_ caddyfile.Unmarshaler = (*Config)(nil)
	_ caddyfile.Unmarshaler = (*Handler)(nil)
)
