// Package cli is the command line of a running gateway: commands over its HTTP
// API, with tables for people and the API's own JSON for scripts. It knows
// nothing of how the gateway is reached; see [Gateway].
package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"

	"github.com/spf13/cobra"
)

// Connect tells which gateway a command is meant for, from the flags that the
// caller of [Commands] has added to it. It opens no connection yet.
type Connect func(cmd *cobra.Command) (*Gateway, error)

// Commands returns the commands that need a running gateway. Errors are for
// people and are one line each.
func Commands(connect Connect) []*cobra.Command {
	all := []*cobra.Command{
		connect.keys(), connect.sessions(), connect.tasks(), connect.pool(), connect.models(), connect.stats(), connect.usage(), connect.audit(), connect.generate(), connect.secrets(),
	}
	for _, cmd := range all {
		cmd.PersistentFlags().Bool("json", false, "print the API's answer as it is")
	}
	return all
}

// run is one command that runs.
type run struct {
	*Gateway
	ctx  context.Context
	out  io.Writer
	err  io.Writer
	json bool
}

// on makes the function of a command that needs the gateway.
func (c Connect) on(do func(r *run, args []string) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		asJSON, err := cmd.Flags().GetBool("json")
		if err != nil {
			return err
		}
		gateway, err := c(cmd)
		if err != nil {
			return err
		}
		err = do(&run{Gateway: gateway, ctx: cmd.Context(), out: cmd.OutOrStdout(), err: cmd.ErrOrStderr(), json: asJSON}, args)
		if e, ok := err.(*answerError); ok && e.status == http.StatusNotFound && len(args) > 0 {
			return fmt.Errorf("%s: %w", args[0], err)
		}
		return err
	}
}

// group is a command that only has others below it. Without the function cobra
// would take a misspelt one for a wish for help, and succeed.
func group(use, short string, commands ...*cobra.Command) *cobra.Command {
	cmd := &cobra.Command{
		Use: use, Short: short, Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(commands...)
	return cmd
}

// ask sends a request and prints the answer: as it came with --json, or else as
// show does.
func ask[T any](r *run, method, path string, body any, show func(answer *T) error) error {
	raw, err := r.call(r.ctx, method, path, body)
	if err != nil {
		return err
	}
	if r.json {
		return r.print(raw)
	}
	answer := new(T)
	if err := json.Unmarshal(raw, answer); err != nil {
		return fmt.Errorf("read the answer to %s %s: %w", method, path, err)
	}
	return show(answer)
}

// print writes JSON on a line of its own.
func (r *run) print(raw json.RawMessage) error {
	_, err := r.out.Write(append(raw, '\n'))
	return err
}

// say writes one line of text, in which nothing can command the terminal.
func (r *run) say(format string, args ...any) error {
	_, err := fmt.Fprintln(r.out, clean(fmt.Sprintf(format, args...)))
	return err
}
