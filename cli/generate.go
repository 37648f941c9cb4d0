package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"os"
	"path/filepath"
	"strconv"

	"github.com/spf13/cobra"
)

func (c Connect) generate() *cobra.Command {
	cmd := &cobra.Command{
		Use: "generate --prompt <text> [--file <file>]… [--out <file>]", Short: "Make a video or pictures, wait for them and save them", Args: cobra.NoArgs,
		Long: `Sends a task like any client would, follows it to its end and saves the result.
It costs what the upstream charges. Ctrl-C while the task runs ends the waiting,
not the task; "task watch" goes on with it.`,
		Example: `  generate --prompt "a paper boat on a pond" --out boat.mp4
  generate --prompt "@1 drifts over the pond" --file boat.png --duration 5 --ratio 16:9 --out boat.mp4
  generate --prompt "a paper boat" --model jimeng-4.5 --out boat.png`,
	}
	flags := cmd.Flags()
	prompt := flags.String("prompt", "", "what to show; @1 is the first file, and so on")
	model := flags.String("model", "", "the model, of videos or of pictures (default: the gateway's for videos)")
	duration := flags.Int("duration", 0, "seconds (default: the model's)")
	ratio := flags.String("ratio", "", "shape of the picture, such as 16:9 (default: the model's)")
	resolution := flags.String("resolution", "", "such as 720p, or 2k for pictures (default: the model's)")
	files := flags.StringArray("file", nil, "a picture, video or sound to start from; may be repeated")
	out := outFlag(cmd)
	cmd.RunE = c.on(func(r *run, _ []string) error {
		if err := r.checkOut(*out); err != nil {
			return err
		}
		fields := [][2]string{{"prompt", *prompt}, {"model", *model}, {"ratio", *ratio}, {"resolution", *resolution}}
		if flags.Changed("duration") {
			fields = append(fields, [2]string{"duration", strconv.Itoa(*duration)})
		}
		ctx, stop := untilInterrupt(r.ctx)
		defer stop()
		id, err := r.create(ctx, fields, *files)
		if ctx.Err() != nil {
			return errors.New("interrupted while the request was sent; `task list` tells whether it became a task")
		} else if err != nil {
			return err
		}
		return r.generated(ctx, id, *out)
	})
	return cmd
}

// generated waits for the new task. The standard output gets the result only.
func (r *run) generated(ctx context.Context, id, out string) error {
	var p progress = silence{}
	if !r.json {
		fmt.Fprintf(r.err, "task %s\n", clean(id))
		p = newProgress(r.err)
	}
	u, err := r.await(ctx, id, out, p)
	switch {
	case err != nil:
		return err
	case r.json:
		(&jsonLines{r: r}).show(u)
		return nil
	case out == "":
		return r.links(&u.task)
	}
	return nil
}

// create sends a request for what the model makes and returns the id of the task.
func (r *run) create(ctx context.Context, fields [][2]string, files []string) (id string, err error) {
	for _, name := range files { // before anything is sent
		if info, err := os.Stat(name); err != nil {
			return "", &fileError{"--file", err}
		} else if info.IsDir() {
			return "", fmt.Errorf("--file: %s is a folder", name)
		}
	}
	body, pipe := io.Pipe()
	form := multipart.NewWriter(pipe)
	written := make(chan struct{})
	go func() {
		defer close(written)
		pipe.CloseWithError(writeForm(form, fields, files))
	}()
	defer func() {
		_ = body.Close() // ends the writing if the gateway refused before it had read everything
		<-written
	}()
	response, err := r.send(ctx, http.MethodPost, "/api/v1/tasks", form.FormDataContentType(), body)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	raw, err := r.read(ctx, response)
	if err != nil {
		return "", err
	}
	var answer taskAnswer
	if err := json.Unmarshal(raw, &answer); err != nil || answer.Task.ID == "" {
		return "", fmt.Errorf("the gateway answers without a task: %s", clean(string(raw[:min(len(raw), 200)])))
	}
	return answer.Task.ID, nil
}

// writeForm streams the files from the disk.
func writeForm(form *multipart.Writer, fields [][2]string, files []string) error {
	for _, field := range fields {
		if field[1] == "" {
			continue
		}
		if err := form.WriteField(field[0], field[1]); err != nil {
			return err
		}
	}
	for _, name := range files {
		if err := writeFile(form, name); err != nil {
			return err
		}
	}
	return form.Close()
}

func writeFile(form *multipart.Writer, name string) error {
	f, err := os.Open(name)
	if err != nil {
		return &fileError{"--file", err}
	}
	defer f.Close()
	w, err := form.CreateFormFile("files", filepath.Base(name)) // the gateway finds out the type itself
	if err != nil {
		return err
	}
	if _, err := io.Copy(w, f); err != nil {
		return &fileError{"--file", err}
	}
	return nil
}
