package api

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"mime"
	"net/http"
	"slices"
	"strings"

	"github.com/jimeng-gateway/jimeng-gateway/store"
	"github.com/jimeng-gateway/jimeng-gateway/upstream"
)

// read reads the request in whichever of the two forms it comes.
func (c *create) read(w http.ResponseWriter, r *http.Request) error {
	c.intake.most = callerOf(r.Context()).Key.MaxUpload
	asJSON, err := bodyKind(r)
	if err != nil {
		return err
	}
	if !asJSON {
		return c.parseForm(w, r)
	}
	body, err := c.intake.readJSON(w, r, func(field string) bool { return c.fields[field] == inputs })
	if err != nil {
		return err
	}
	return c.parseJSON(r.Context(), body)
}

// bodyKind tells JSON from a form; without a word it is JSON.
func bodyKind(r *http.Request) (asJSON bool, err error) {
	contentType := r.Header.Get("Content-Type")
	if contentType == "" || contentType == "application/json" { // without parsing, on the hot path
		return true, nil
	}
	media, _, err := mime.ParseMediaType(contentType)
	switch {
	case err == nil && media == "multipart/form-data":
		return false, nil
	case err == nil && isJSON(media):
		return true, nil
	}
	return false, &apiError{status: http.StatusUnsupportedMediaType, code: "unsupported_media_type", field: "Content-Type",
		message: "must be application/json or multipart/form-data"}
}

// isJSON reports whether the media type is one of JSON's.
func isJSON(media string) bool {
	return media == "application/json" || strings.HasSuffix(media, "+json")
}

// create serves every request for a new task: it reads the request, stores its
// files and hands it to the queue. What it returns is durable.
func (a *api) create(w http.ResponseWriter, r *http.Request, c *create) (_ *store.Task, err error) {
	ctx := r.Context()
	var task *store.Task
	defer func() {
		used := map[string]bool{}
		if task != nil {
			for _, m := range task.Materials {
				used[m.Blob] = true
			}
		}
		c.intake.close(ctx, err, used)
	}()
	if c.task.IdempotencyKey, err = idempotencyKey(r.Header); err != nil {
		return nil, err
	}
	if err = c.read(w, r); err != nil {
		return nil, err
	}
	if task, err = c.finish(ctx); err != nil {
		return nil, err
	}
	if err = ctx.Err(); err != nil {
		return nil, err
	}
	if task == nil {
		// Once the queue has it, a client that hangs up no longer matters: otherwise
		// nobody could tell whether the task exists.
		if task, err = a.Queue.Submit(context.WithoutCancel(ctx), &c.task); err != nil {
			return nil, err
		}
	}
	callerOf(ctx).made = true
	callerOf(ctx).sawTask(task.ID)
	if task.Replayed {
		w.Header().Set("Idempotency-Replayed", "true")
	}
	w.Header().Set("Location", taskPath(task))
	return task, nil
}

func taskPath(t *store.Task) string { return "/api/v1/tasks/" + t.ID }

// finish checks what needs the whole request, in the order of what it costs, and
// makes its files durable. It returns the task if the request has made it before.
func (c *create) finish(ctx context.Context) (*store.Task, error) {
	t, a := &c.task, c.api
	all, err := c.assemble(ctx)
	if err != nil {
		return nil, err
	}
	t.RequestHash = c.hash(t.Materials)
	if earlier, err := a.Queue.Earlier(ctx, t); err != nil || earlier != nil || len(all) == 0 {
		return earlier, err
	}
	if err := a.Queue.Check(t); err != nil {
		return nil, err
	}
	if err := c.resolve(ctx, all); err != nil {
		return nil, err
	}
	if err := a.Materials.check(all, t.Materials); err != nil {
		return nil, err
	}
	return nil, c.intake.commit(ctx, t.Key.ID, t.Materials)
}

// assemble puts the task together: it applies the dialect's defaults and looks
// for the materials.
func (c *create) assemble(ctx context.Context) ([]input, error) {
	t, a := &c.task, c.api
	t.Key = callerOf(ctx).Key
	c.defaults()
	if err := c.checkKind(); err != nil {
		return nil, err
	}
	if err := c.useSize(); err != nil {
		return nil, err
	}
	all, err := c.allInputs()
	if err != nil {
		return nil, err
	}
	if n := len(all); c.composes && (n < 1 || n > maxComposed) {
		return nil, invalid("images", "must be 1 to %d images, there are %d", maxComposed, n)
	}
	if len(all) > 0 {
		t.Materials = make([]store.Material, len(all))
	}
	for i, in := range all {
		if t.Materials[i], err = in.material(ctx, a, t.Key.ID); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// defaults fills in what the client left out.
func (c *create) defaults() {
	t, a := &c.task, c.api
	if t.Kind == "" {
		t.Kind = upstream.Video
		if m := a.Queue.Model(t.Model); m != nil {
			t.Kind = m.Kind
		}
	}
	if t.Model == "" {
		t.Model = a.DefaultModel
		if t.Kind == upstream.Image {
			t.Model = a.DefaultImageModel
		}
	}
	if t.Kind == upstream.Video && t.Ratio == "" {
		t.Ratio = a.defaultRatio(t.Model)
	}
}

// checkKind refuses what only makes sense for the other kind of task.
func (c *create) checkKind() error {
	t := &c.task
	if t.Kind == upstream.Image && t.Duration != 0 {
		return invalid("duration", "is for videos, and this is an image")
	}
	if t.Kind == upstream.Video && len(t.Options) > 0 {
		return invalid(slices.Min(slices.Collect(maps.Keys(t.Options))), "is for images, and this is a video")
	}
	return nil
}

// allInputs puts the materials into the order by which a prompt counts them:
// files first, then addresses.
func (c *create) allInputs() ([]input, error) {
	paths, camel := c.inputs["file_paths"], c.inputs["filePaths"]
	if len(paths) > 0 && len(camel) > 0 {
		if !slices.EqualFunc(paths, camel, func(a, b input) bool { return a.file == nil && b.file == nil && a.url == b.url && a.id == b.id }) {
			return nil, invalid("filePaths", "is another name for file_paths and says something else; send one of them")
		}
		camel = nil
	}
	return slices.Concat(c.inputs["files"], c.inputs["images"], c.inputs["image"], paths, camel), nil
}

// material is the input as it becomes part of the task. A URL is only looked at
// here.
func (in *input) material(ctx context.Context, a *api, keyID string) (store.Material, error) {
	switch {
	case in.file != nil:
		return in.file.Material, nil
	case in.id == "":
		return urlMaterial(in.field, in.url)
	}
	m, err := a.Store.Material(ctx, keyID, in.id)
	if errors.Is(err, store.ErrNotFound) || !storable(in.id) {
		return store.Material{}, invalid(in.field, "there is no material %s", short(in.id))
	}
	if err != nil {
		return store.Material{}, err
	}
	return store.Material{ID: m.ID, Kind: m.Kind, Name: m.Name, ContentType: m.ContentType, Size: m.Size, SHA256: m.SHA256,
		Blob: m.Blob, Width: m.Width, Height: m.Height, LengthMS: m.LengthMS}, nil
}

// hash tells a repeated request from another with the same idempotency key, in
// whatever form and order it comes. It is "" when there is no such key.
func (c *create) hash(materials []store.Material) string {
	t := &c.task
	if t.IdempotencyKey == "" {
		return ""
	}
	sources := make([]string, len(materials))
	for i, m := range materials {
		sources[i] = m.SHA256 + m.URL
	}
	canonical, err := json.Marshal([]any{t.Kind, t.Model, t.Prompt, t.Ratio, t.Resolution, t.Duration, t.Priority,
		t.StartDeadline, t.Deadline, t.Options, sources, c.n, c.format})
	if err != nil {
		panic(fmt.Sprintf("api: options of a request: %v", err)) // they are texts, numbers and booleans
	}
	sum := sha256.Sum256(canonical)
	return hex.EncodeToString(sum[:])
}
