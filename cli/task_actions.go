package cli

import (
	"net/http"

	"github.com/spf13/cobra"
)

// moneyWords say what a cancel has saved.
var moneyWords = map[string]string{
	"not_started":      "nothing was spent",
	"stopped":          "the upstream has stopped it",
	"runs_on_upstream": "the upstream goes on with it and may charge for it",
}

func (c Connect) taskCancel() *cobra.Command {
	return &cobra.Command{
		Use: "cancel <id>", Short: "Cancel a task, and say whether it costs all the same", Args: cobra.ExactArgs(1),
		RunE: c.on(func(r *run, args []string) error {
			return ask(r, http.MethodPost, at("tasks", args[0], "cancel"), nil, func(answer *struct{ Money string }) error {
				words := moneyWords[answer.Money]
				if words == "" {
					words = answer.Money
				}
				return r.say("cancelled %s: %s", args[0], words)
			})
		}),
	}
}

func (c Connect) taskRetry() *cobra.Command {
	return &cobra.Command{
		Use: "retry <id>", Short: "Send a task that has ended again, as a new one", Args: cobra.ExactArgs(1),
		RunE: c.on(func(r *run, args []string) error {
			return ask(r, http.MethodPost, at("tasks", args[0], "retry"), nil, func(answer *taskAnswer) error {
				return r.say("%s is the new task; `task watch %s` follows it", answer.Task.ID, answer.Task.ID)
			})
		}),
	}
}

func (c Connect) taskDelete() *cobra.Command {
	return &cobra.Command{
		Use: "delete <id>", Short: "Delete a task that has ended, with its files", Args: cobra.ExactArgs(1),
		RunE: c.on(func(r *run, args []string) error {
			return ask(r, http.MethodDelete, at("tasks", args[0]), nil, func(*struct{}) error { return r.say("deleted %s", args[0]) })
		}),
	}
}
