package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

func (c Connect) keys() *cobra.Command {
	return group("key", "Manage API keys", c.keyList(), c.keyAdd(), c.keyShow(), c.keyChange(), c.keyRemove(), c.keyRegenerate())
}

type key struct {
	ID          string     `json:"id"`
	Secret      string     `json:"key"`
	Name        string     `json:"name"`
	Prefix      string     `json:"key_prefix"`
	Scopes      []string   `json:"scopes"`
	Enabled     bool       `json:"enabled"`
	RateLimit   int        `json:"rate_limit"`
	DailyQuota  int        `json:"daily_quota"`
	Concurrency int        `json:"concurrency"`
	Weight      int        `json:"weight"`
	Wait        int64      `json:"wait"`      // seconds
	Retention   int64      `json:"retention"` // seconds, 0 for as long as everybody's
	MaxPriority int        `json:"max_priority"`
	Models      []string   `json:"models"`
	Networks    []string   `json:"networks"`
	MaxUpload   int64      `json:"max_upload"` // bytes, 0 for as configured
	PerDay      float64    `json:"credits_per_day"`
	PerMonth    float64    `json:"credits_per_month"`
	ExpiresAt   *time.Time `json:"expires_at"`
	OldKeyUntil *time.Time `json:"old_key_until"`
	CreatedAt   *time.Time `json:"created_at"`
	LastUsedAt  *time.Time `json:"last_used_at"`

	Metadata json.RawMessage `json:"metadata"`
}

type keyAnswer struct {
	Key key `json:"key"`
}

// state says in a word whether the key works.
func (k *key) state() string {
	switch {
	case !k.Enabled:
		return "disabled"
	case k.ExpiresAt != nil && !k.ExpiresAt.After(time.Now()):
		return "expired"
	}
	return "enabled"
}

func (c Connect) keyList() *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "List the keys", Args: cobra.NoArgs,
		RunE: c.on(func(r *run, _ []string) error {
			return ask(r, http.MethodGet, "/api/v1/keys", nil, func(answer *struct{ Keys []key }) error {
				t := newTable("ID", "NAME", "KEY", "STATE", "SCOPES", "PER MINUTE", "PER DAY", "AT ONCE", "CREDITS A DAY", "WEIGHT", "EXPIRES", "LAST USED")
				for _, k := range answer.Keys {
					t.row(k.ID, k.Name, k.Prefix+"…", k.state(), strings.Join(k.Scopes, ","), limit(k.RateLimit), limit(k.DailyQuota),
						limit(k.Concurrency), budget(k.PerDay), strconv.Itoa(k.Weight), when(k.ExpiresAt), when(k.LastUsedAt))
				}
				return t.write(r.out)
			})
		}),
	}
}

func (c Connect) keyShow() *cobra.Command {
	return &cobra.Command{
		Use: "show <id>", Short: "Show a key", Args: cobra.ExactArgs(1),
		RunE: c.on(func(r *run, args []string) error {
			return ask(r, http.MethodGet, at("keys", args[0]), nil, r.showKey)
		}),
	}
}

func (r *run) showKey(answer *keyAnswer) error {
	k := answer.Key
	t := newTable("ID", k.ID)
	t.row("Name", k.Name)
	t.row("Key", k.Prefix+"…")
	t.row("State", k.state())
	t.row("Scopes", strings.Join(k.Scopes, ", "))
	t.row("Requests a minute", limit(k.RateLimit))
	t.row("Tasks a day", limit(k.DailyQuota))
	t.row("Tasks at once", limit(k.Concurrency))
	t.row("Credits a day", budget(k.PerDay))
	t.row("Credits a month", budget(k.PerMonth))
	t.row("Highest priority", strconv.Itoa(k.MaxPriority))
	t.row("Models", listed(k.Models))
	t.row("Networks", listed(k.Networks))
	t.row("Largest file", largest(k.MaxUpload))
	t.row("Weight", strconv.Itoa(k.Weight))
	t.row("Requests wait", lasting(k.Wait, "no"))
	t.row("Results kept", lasting(k.Retention, "as configured"))
	t.row("Expires", when(k.ExpiresAt))
	if k.OldKeyUntil != nil {
		t.row("Old secret works until", when(k.OldKeyUntil))
	}
	t.row("Created", when(k.CreatedAt))
	t.row("Last used", when(k.LastUsedAt))
	if len(k.Metadata) > 0 && string(k.Metadata) != "null" {
		t.row("Metadata", string(k.Metadata))
	}
	return t.write(r.out)
}

// budget writes credits, of which 0 means no limit.
func budget(credits float64) string {
	if credits == 0 {
		return "-"
	}
	return strconv.FormatFloat(credits, 'f', -1, 64)
}

// listed writes what a key is limited to.
func listed(list []string) string {
	if len(list) == 0 {
		return "all"
	}
	return strings.Join(list, ", ")
}

// largest writes the size of a file.
func largest(bytes int64) string {
	if bytes == 0 {
		return "as configured"
	}
	return strconv.FormatInt(bytes, 10) + " bytes"
}

// lasting writes seconds as people do, or what none means.
func lasting(n int64, none string) string {
	if n == 0 {
		return none
	}
	return span(time.Duration(n) * time.Second)
}

// keyFlags adds the flags of what a key can be given, and returns a function that
// makes the body of a request from those that were used.
func keyFlags(cmd *cobra.Command) func() (map[string]any, error) {
	flags := cmd.Flags()
	flags.StringSlice("scopes", nil, "what it may do, separated by commas: video:create, task:read, task:cancel, task:retry, task:delete, task:all, pool:read, session:test, log:read, admin (default: the first three)")
	flags.Int("rate-limit", 0, "requests a minute, 0 for no limit")
	flags.Int("daily-quota", 0, "tasks a day, 0 for no limit")
	flags.Int("concurrency", 0, "tasks running at once, 0 for no limit")
	flags.Float64("credits-per-day", 0, "what its tasks of a day may cost by the models' prices, 0 for no limit")
	flags.Float64("credits-per-month", 0, "what its tasks of a month may cost, 0 for no limit")
	flags.Int("max-priority", 100, "the highest priority that its tasks may ask for, -100 to 100")
	flags.StringSlice("models", nil, "the models that it may use, by id or alias, separated by commas, or all")
	flags.StringSlice("networks", nil, "the addresses and networks that it may be used from, such as 192.0.2.7,2001:db8::/32, or all")
	flags.Int64("max-upload", 0, "bytes of one file, 0 for as much as everybody's")
	flags.Int("weight", 1, "its share of the pool relative to other keys")
	flags.Duration("wait", 0, "how long its requests wait for their video, such as 30m; 0 for not at all")
	flags.Duration("retention", 0, "how long its results are kept, such as 720h; 0 for as long as everybody's")
	flags.String("expires", "", "when it stops working: 2027-01-31, 2027-01-31T12:00:00Z, or never")
	flags.String("metadata", "", "a JSON object of your own, or none")
	flags.Bool("enabled", true, "whether it works; --enabled=false locks it")
	return func() (map[string]any, error) {
		body := map[string]any{}
		for _, name := range []string{"rate-limit", "daily-quota", "concurrency", "weight", "max-priority"} {
			if flags.Changed(name) {
				body[strings.ReplaceAll(name, "-", "_")], _ = flags.GetInt(name)
			}
		}
		for _, name := range []string{"credits-per-day", "credits-per-month"} {
			if flags.Changed(name) {
				body[strings.ReplaceAll(name, "-", "_")], _ = flags.GetFloat64(name)
			}
		}
		for _, name := range []string{"models", "networks"} {
			if flags.Changed(name) {
				list, _ := flags.GetStringSlice(name)
				switch body[name] = list; {
				case slices.Equal(list, []string{"all"}):
					body[name] = nil
				case len(list) == 0 || slices.Contains(list, "all") || slices.Contains(list, ""):
					return nil, fmt.Errorf("--%s must name what is allowed, or be all and nothing else", name)
				}
			}
		}
		if flags.Changed("max-upload") {
			body["max_upload"], _ = flags.GetInt64("max-upload")
		}
		for _, name := range []string{"wait", "retention"} {
			if flags.Changed(name) {
				d, _ := flags.GetDuration(name)
				if d%time.Second != 0 {
					return nil, fmt.Errorf("--%s must be whole seconds", name)
				}
				body[name] = int64(d / time.Second)
			}
		}
		if flags.Changed("scopes") {
			body["scopes"], _ = flags.GetStringSlice("scopes")
		}
		if flags.Changed("enabled") {
			body["enabled"], _ = flags.GetBool("enabled")
		}
		if flags.Changed("expires") {
			if at, _ := flags.GetString("expires"); at == "never" {
				body["expires_at"] = nil
			} else {
				body["expires_at"] = at
			}
		}
		if flags.Changed("metadata") {
			text, _ := flags.GetString("metadata")
			if text == "none" {
				text = "null"
			}
			if !json.Valid([]byte(text)) {
				return nil, errors.New(`--metadata must be a JSON object such as '{"team":"film"}', or none`)
			}
			body["metadata"] = json.RawMessage(text)
		}
		return body, nil
	}
}

func (c Connect) keyAdd() *cobra.Command {
	cmd := &cobra.Command{
		Use: "add <name>", Short: "Make a key, and show it once", Args: cobra.ExactArgs(1),
		Example: `  add "render farm" --scopes video:create,task:read --daily-quota 200 --networks 192.0.2.0/24 --expires 2027-01-31`,
	}
	fields := keyFlags(cmd)
	cmd.RunE = c.on(func(r *run, args []string) error {
		body, err := fields()
		if err != nil {
			return err
		}
		body["name"] = args[0]
		return ask(r, http.MethodPost, "/api/v1/keys", body, func(answer *keyAnswer) error {
			return r.showSecret(answer.Key.ID, answer.Key.Secret)
		})
	})
	return cmd
}

// showSecret shows a key for the only time. The secret stands alone on its line,
// so that a double click takes it whole.
func (r *run) showSecret(id, secret string) error {
	if err := r.say("key %s; keep this, it is not shown again:", id); err != nil {
		return err
	}
	return r.say("%s", secret)
}

func (c Connect) keyChange() *cobra.Command {
	cmd := &cobra.Command{
		Use: "change <id>", Short: "Change a key; takes effect at once", Args: cobra.ExactArgs(1),
		Example: "  change 01JC… --daily-quota 500 --expires never\n  change 01JC… --enabled=false",
	}
	name := cmd.Flags().String("name", "", "what it is called")
	endOld := cmd.Flags().Bool("end-old-key", false, "ends the time of the secret before the last one")
	fields := keyFlags(cmd)
	cmd.RunE = c.on(func(r *run, args []string) error {
		body, err := fields()
		if err != nil {
			return err
		}
		if cmd.Flags().Changed("name") {
			body["name"] = *name
		}
		if *endOld {
			body["old_key_until"] = nil
		}
		if len(body) == 0 {
			return errors.New("nothing to change: name what is to change, --help lists it")
		}
		return ask(r, http.MethodPatch, at("keys", args[0]), body, r.showKey)
	})
	return cmd
}

func (c Connect) keyRemove() *cobra.Command {
	return &cobra.Command{
		Use: "remove <id>", Short: "Remove a key; its tasks stay", Args: cobra.ExactArgs(1),
		RunE: c.on(func(r *run, args []string) error {
			return ask(r, http.MethodDelete, at("keys", args[0]), nil, func(*struct{}) error { return r.say("removed %s", args[0]) })
		}),
	}
}

func (c Connect) keyRegenerate() *cobra.Command {
	cmd := &cobra.Command{
		Use: "regenerate <id>", Short: "Give a key a new secret; the old one stops working at once, or after --grace", Args: cobra.ExactArgs(1),
		Example: "  regenerate 01JC… --grace 24h",
	}
	grace := cmd.Flags().Duration("grace", 0, "how long the old secret goes on working, at most 720h")
	cmd.RunE = c.on(func(r *run, args []string) error {
		if *grace%time.Second != 0 {
			return errors.New("--grace must be whole seconds")
		}
		body := map[string]any{"grace": int64(*grace / time.Second)}
		return ask(r, http.MethodPost, at("keys", args[0], "regenerate"), body, func(answer *struct{ Key string }) error {
			return r.showSecret(args[0], answer.Key)
		})
	})
	return cmd
}
