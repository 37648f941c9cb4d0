package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"
)

func (c Connect) sessions() *cobra.Command {
	return group("session", "Manage the sessions of the pool", c.sessionList(), c.sessionAdd(), c.sessionShow(),
		c.sessionSwitch("enable", "Let a session take tasks again", true),
		c.sessionSwitch("disable", "Give a session no more tasks; what runs on it goes on", false),
		c.sessionCool(), c.sessionBringBack(), c.sessionChange(), c.sessionRemove(), c.sessionTest())
}

type session struct {
	ID            string     `json:"id"`
	Upstream      string     `json:"upstream"`
	Label         string     `json:"label"`
	Secret        string     `json:"session_id"` // masked
	State         string     `json:"state"`
	Until         *time.Time `json:"until"`
	Reason        *string    `json:"reason"`
	Slots         int        `json:"slots"`
	Running       int        `json:"running"`
	Credits       *int64     `json:"credits"`
	CreditsExpire *time.Time `json:"credits_expire"`
	Succeeded     int64      `json:"succeeded"`
	Failed        int64      `json:"failed"`
	CreatedAt     *time.Time `json:"created_at"`
	LastUsedAt    *time.Time `json:"last_used_at"`
	ProbedAt      *time.Time `json:"probed_at"`
}

type sessionAnswer struct {
	Session session `json:"session"`
}

type sessionsAnswer struct {
	Sessions []session `json:"sessions"`
}

func (s *session) credits() string {
	if s.Credits == nil {
		return none
	}
	return strconv.FormatInt(*s.Credits, 10)
}

func (c Connect) sessionList() *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "List the sessions", Args: cobra.NoArgs,
		RunE: c.on(func(r *run, _ []string) error {
			return ask(r, http.MethodGet, "/api/v1/sessions", nil, func(answer *sessionsAnswer) error {
				t := newTable("ID", "LABEL", "UPSTREAM", "STATE", "RUNNING", "CREDITS", "DONE", "FAILED", "LAST USED", "UNTIL", "REASON")
				for _, s := range answer.Sessions {
					t.row(s.ID, s.Label, s.Upstream, s.State, fmt.Sprintf("%d of %d", s.Running, s.Slots), s.credits(),
						strconv.FormatInt(s.Succeeded, 10), strconv.FormatInt(s.Failed, 10), when(s.LastUsedAt), when(s.Until), or(s.Reason))
				}
				return t.write(r.out)
			})
		}),
	}
}

func (c Connect) sessionShow() *cobra.Command {
	return &cobra.Command{
		Use: "show <id>", Short: "Show a session", Args: cobra.ExactArgs(1),
		RunE: c.on(func(r *run, args []string) error {
			return ask(r, http.MethodGet, at("sessions", args[0]), nil, r.showSession)
		}),
	}
}

func (r *run) showSession(answer *sessionAnswer) error {
	s := answer.Session
	t := newTable("ID", s.ID)
	t.row("Label", s.Label)
	t.row("Upstream", s.Upstream)
	t.row("Secret", s.Secret)
	t.row("State", s.State)
	t.row("Until", when(s.Until))
	t.row("Reason", or(s.Reason))
	t.row("Running", fmt.Sprintf("%d of %d slots", s.Running, s.Slots))
	t.row("Credits", s.credits())
	t.row("Credits expire", when(s.CreditsExpire))
	t.row("Attempts", fmt.Sprintf("%d succeeded, %d failed", s.Succeeded, s.Failed))
	t.row("Created", when(s.CreatedAt))
	t.row("Last used", when(s.LastUsedAt))
	t.row("Last probed", when(s.ProbedAt))
	return t.write(r.out)
}

func (c Connect) sessionAdd() *cobra.Command {
	cmd := &cobra.Command{
		Use: "add", Short: "Add a session; its secret is read from the standard input or a file", Args: cobra.NoArgs,
		Long: `Adds a session. The secret, for jimeng-free-api the cookie sessionid, is read from
the standard input or from a file, so that it stands neither in the shell's
history nor in the list of processes. At a terminal it is asked for.`,
		Example: "  add --label ana\n  add --label ana --file ana.cookie\n  pass show jimeng/ana | … add --label ana",
	}
	flags := cmd.Flags()
	label := flags.String("label", "", "what it is called")
	upstream := flags.String("upstream", "", "the upstream that it belongs to, needed when there are several")
	slots := flags.Int("slots", 0, "how many tasks it runs at once, 0 for the default")
	file := flags.String("file", "-", "the file with the secret, - for the standard input")
	cmd.RunE = c.on(func(r *run, _ []string) error {
		secret, err := readSecret(r.err, cmd.InOrStdin(), *file)
		if err != nil {
			return err
		}
		body := map[string]any{"session_id": secret, "label": *label, "upstream": *upstream, "slots": *slots}
		return ask(r, http.MethodPost, "/api/v1/sessions", body, r.showSession)
	})
	return cmd
}

// readSecret reads a secret from a file or the standard input, which may be
// somebody at a terminal.
func readSecret(prompt io.Writer, stdin io.Reader, file string) (string, error) {
	const most = 64 << 10 // bytes; the API takes less, and says so
	var text []byte
	var err error
	if file != "-" {
		var f *os.File
		if f, err = os.Open(file); err == nil {
			defer f.Close()
			text, err = io.ReadAll(io.LimitReader(f, most))
		}
	} else if terminal, ok := stdin.(*os.File); ok && term.IsTerminal(int(terminal.Fd())) {
		fmt.Fprint(prompt, "Secret of the session: ")
		text, err = term.ReadPassword(int(terminal.Fd()))
		fmt.Fprintln(prompt)
	} else {
		text, err = io.ReadAll(io.LimitReader(stdin, most))
	}
	if err != nil {
		return "", fmt.Errorf("read the secret: %w", err)
	}
	secret := strings.TrimSpace(string(text))
	if secret == "" {
		return "", errors.New("the secret is empty: give it on the standard input, or name a file with --file")
	}
	return secret, nil
}

func (c Connect) sessionSwitch(use, short string, enabled bool) *cobra.Command {
	return &cobra.Command{
		Use: use + " <id>", Short: short, Args: cobra.ExactArgs(1),
		RunE: c.on(func(r *run, args []string) error {
			return ask(r, http.MethodPatch, at("sessions", args[0]), map[string]any{"enabled": enabled}, func(answer *sessionAnswer) error {
				return r.say("%s is %s", args[0], answer.Session.State)
			})
		}),
	}
}

func (c Connect) sessionCool() *cobra.Command {
	cmd := &cobra.Command{Use: "cool <id>", Short: "Give a session no tasks for a while", Args: cobra.ExactArgs(1)}
	pause := cmd.Flags().Duration("for", 10*time.Minute, "how long")
	reason := cmd.Flags().String("reason", "", "why, for people")
	cmd.RunE = c.on(func(r *run, args []string) error {
		body := map[string]any{"seconds": int(pause.Seconds()), "reason": *reason}
		return ask(r, http.MethodPost, at("sessions", args[0], "cool"), body, func(answer *sessionAnswer) error {
			return r.say("%s is %s until %s", args[0], answer.Session.State, when(answer.Session.Until))
		})
	})
	return cmd
}

func (c Connect) sessionBringBack() *cobra.Command {
	return &cobra.Command{
		Use: "bring-back <id>", Short: "End the pause of a session, or take a dead one back", Args: cobra.ExactArgs(1),
		RunE: c.on(func(r *run, args []string) error {
			return ask(r, http.MethodPost, at("sessions", args[0], "bring-back"), nil, func(answer *struct{ Message string }) error {
				return r.say("%s: %s", args[0], answer.Message)
			})
		}),
	}
}

func (c Connect) sessionChange() *cobra.Command {
	cmd := &cobra.Command{Use: "change <id>", Short: "Change a session's label or slots", Args: cobra.ExactArgs(1)}
	label := cmd.Flags().String("label", "", "what it is called")
	slots := cmd.Flags().Int("slots", 1, "how many tasks it runs at once")
	cmd.MarkFlagsOneRequired("label", "slots")
	cmd.RunE = c.on(func(r *run, args []string) error {
		body := map[string]any{}
		if cmd.Flags().Changed("label") {
			body["label"] = *label
		}
		if cmd.Flags().Changed("slots") {
			body["slots"] = *slots
		}
		return ask(r, http.MethodPatch, at("sessions", args[0]), body, r.showSession)
	})
	return cmd
}

func (c Connect) sessionRemove() *cobra.Command {
	return &cobra.Command{
		Use: "remove <id>", Short: "Remove a session that runs no task", Args: cobra.ExactArgs(1),
		RunE: c.on(func(r *run, args []string) error {
			return ask(r, http.MethodDelete, at("sessions", args[0]), nil, func(*struct{}) error { return r.say("removed %s", args[0]) })
		}),
	}
}

func (c Connect) sessionTest() *cobra.Command {
	cmd := &cobra.Command{
		Use: "test <id>… | --all", Short: "Ask the upstream whether sessions work, without spending anything",
		Long: "Asks the upstream whether sessions work, without spending anything. Fails if one does not.",
	}
	all := cmd.Flags().Bool("all", false, "test every session")
	cmd.Args = func(_ *cobra.Command, args []string) error {
		if *all == (len(args) > 0) {
			return errors.New("name the sessions to test, or say --all")
		}
		return nil
	}
	cmd.RunE = c.on(func(r *run, ids []string) error {
		if *all {
			raw, err := r.call(r.ctx, http.MethodGet, "/api/v1/sessions", nil)
			if err != nil {
				return err
			}
			var answer sessionsAnswer
			if err := json.Unmarshal(raw, &answer); err != nil {
				return fmt.Errorf("read the sessions: %w", err)
			}
			for _, s := range answer.Sessions {
				ids = append(ids, s.ID)
			}
		}
		return r.testSessions(ids)
	})
	return cmd
}

// testSessions tests one session after the other, as an upstream likes it, and
// prints each result as it comes: with --json a line of JSON with the id in it.
func (r *run) testSessions(ids []string) error {
	bad := 0
	for _, id := range ids {
		raw, err := r.call(r.ctx, http.MethodPost, at("sessions", id, "test"), nil)
		if err != nil {
			return fmt.Errorf("%s: %w", id, err)
		}
		var answer struct {
			ID      string `json:"id"`
			OK      bool   `json:"ok"`
			Message string `json:"message"`
		}
		if err := json.Unmarshal(raw, &answer); err != nil {
			return fmt.Errorf("read the result of %s: %w", id, err)
		}
		answer.ID = id
		result := answer.Message // of one that works: "works, …"
		if !answer.OK {
			result = "does not work: " + result
			bad++
		}
		if r.json {
			if raw, err = json.Marshal(answer); err == nil {
				err = r.print(raw)
			}
		} else {
			err = r.say("%s  %s", id, result)
		}
		if err != nil {
			return err
		}
	}
	if bad > 0 {
		return fmt.Errorf("%d of %d sessions do not work", bad, len(ids))
	}
	return nil
}
