package cli

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
)

func (c Connect) taskWatch() *cobra.Command {
	cmd := &cobra.Command{
		Use: "watch <id>", Short: "Follow a task until it has ended, and save its result", Args: cobra.ExactArgs(1),
		Long: `Follows a task until it has ended: with a bar at a terminal, with a line for every
change elsewhere, with a line of JSON for every change with --json. Fails if the
task does not succeed. Ctrl-C ends the watching, not the task.`,
		Example: "  watch 01jc…\n  watch 01jc… --out video.mp4",
	}
	out := outFlag(cmd)
	cmd.RunE = c.on(func(r *run, args []string) error {
		if err := r.checkOut(*out); err != nil {
			return err
		}
		w := r.out
		if *out == "-" {
			w = r.err
		}
		ctx, stop := untilInterrupt(r.ctx)
		defer stop()
		if r.json {
			_, err := r.await(ctx, args[0], *out, &jsonLines{r: r})
			return err
		}
		u, err := r.await(ctx, args[0], *out, newProgress(w))
		if err != nil || *out != "" {
			return err
		}
		return r.links(&u.task)
	})
	return cmd
}

func outFlag(cmd *cobra.Command) *string {
	return cmd.Flags().String("out", "", "the file for the result, overwritten if it exists; - for the standard output; several results get numbers")
}

func untilInterrupt(ctx context.Context) (context.Context, context.CancelFunc) {
	return signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
}

// await follows a task to its end and saves what it has made; out is "" for
// nowhere.
func (r *run) await(ctx context.Context, id, out string, p progress) (*update, error) {
	u, err := r.follow(ctx, id, p.show)
	p.close()
	if err != nil {
		return nil, r.goOn(ctx, id, out, err)
	}
	switch u.Status {
	case "failed":
		return nil, fmt.Errorf("the task %s failed: %s: %s", id, clean(or(u.ErrorKind)), clean(or(u.ErrorMessage)))
	case "cancelled":
		return nil, fmt.Errorf("the task %s was cancelled", id)
	}
	if out == "" {
		return u, nil
	}
	if err := r.save(ctx, &u.task, out); err != nil {
		return nil, r.goOn(ctx, id, out, err)
	}
	return u, nil
}

// goOn explains an error after which the task is as well as before.
func (r *run) goOn(ctx context.Context, id, out string, err error) error {
	if refused(err) {
		return fmt.Errorf("task %s: %w", id, err)
	}
	again := "task watch " + id
	if out != "" && out != "-" {
		again += " --out " + out
	}
	if ctx.Err() != nil {
		return fmt.Errorf("interrupted; the task goes on, `%s` follows it", again)
	}
	return fmt.Errorf("%w; the task is as it was, `%s` takes it up again", err, again)
}

// links prints where the results of a task are.
func (r *run) links(t *task) error {
	for _, a := range results(t) {
		link := a.URL
		if strings.HasPrefix(link, "/") { // nobody has told the gateway its address
			link = fmt.Sprintf("%s; `task watch %s --out FILE` saves it", a.about(), t.ID)
		}
		if err := r.say("%s", link); err != nil {
			return err
		}
	}
	return nil
}
