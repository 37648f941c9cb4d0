package cli

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
)

// fileError is a fault of a file on this machine.
type fileError struct {
	flag  string
	cause error
}

func (e *fileError) Error() string { return e.flag + ": " + e.cause.Error() }
func (e *fileError) Unwrap() error { return e.cause }

// part is what a file is called while it is incomplete.
func part(name string) string { return name + ".part" }

// checkOut finds out whether the result can be saved, before anything is paid.
func (r *run) checkOut(out string) error {
	switch {
	case out == "":
		return nil
	case out == "-" && r.json:
		return errors.New("--json and --out - both want the standard output; name a file")
	case out == "-":
		return nil
	}
	if info, err := os.Stat(out); err == nil && info.IsDir() {
		return fmt.Errorf("--out: %s is a folder, name a file", out)
	}
	f, err := os.OpenFile(part(out), os.O_CREATE|os.O_WRONLY, 0o666)
	if err != nil {
		return &fileError{"--out", err}
	}
	return errors.Join(f.Close(), os.Remove(part(out)))
}

// results are the artifacts that were asked for and still exist; a video may come
// with a poster.
func results(t *task) (found []artifact) {
	for _, a := range t.Artifacts {
		if a.Kind == t.Kind && !a.Poster && !a.Expired {
			found = append(found, a)
		}
	}
	return found
}

// save downloads what a task has made.
func (r *run) save(ctx context.Context, t *task, out string) error {
	found := results(t)
	switch {
	case len(found) == 0:
		return errors.New("the task's files do not exist any more")
	case out == "-" && len(found) > 1:
		return fmt.Errorf("the task has made %d files, too many for the standard output; name a file", len(found))
	case out == "-":
		return r.fetch(ctx, &found[0], r.out)
	}
	for i := range found {
		name := out
		if len(found) > 1 {
			extension := filepath.Ext(out)
			name = fmt.Sprintf("%s-%d%s", strings.TrimSuffix(out, extension), i+1, extension)
		}
		if err := r.saveAs(ctx, &found[i], name); err != nil {
			return err
		}
		if r.json {
			continue
		}
		if err := r.say("%s (%s)", name, bytesOf(found[i].Size)); err != nil {
			return err
		}
	}
	return nil
}

// saveAs lets a file appear under its name only when it is complete.
func (r *run) saveAs(ctx context.Context, a *artifact, name string) (err error) {
	f, err := os.OpenFile(part(name), os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o666)
	if err != nil {
		return &fileError{"--out", err}
	}
	defer func() {
		if err != nil {
			_ = f.Close() // closed already if it was the rename that failed
			_ = os.Remove(part(name))
		}
	}()
	if err := r.fetch(ctx, a, f); err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return &fileError{"--out", err}
	}
	if err := os.Rename(part(name), name); err != nil {
		return &fileError{"--out", err}
	}
	return nil
}

// fetch downloads an artifact. Its link may lead to a public address that this
// machine cannot reach, so the file comes from where the gateway was reached.
func (r *run) fetch(ctx context.Context, a *artifact, w io.Writer) error {
	const files = "/v1/artifacts/"
	_, rest, ok := strings.Cut(a.URL, files)
	if !ok {
		return fmt.Errorf("the link %s is not one of the gateway's", clean(a.URL))
	}
	response, err := r.send(ctx, http.MethodGet, files+rest, "", nil)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	sum := sha256.New()
	if _, err := io.Copy(io.MultiWriter(w, sum), response.Body); err != nil {
		return fmt.Errorf("download the result: %w", err)
	}
	if got := hex.EncodeToString(sum.Sum(nil)); got != a.SHA256 {
		return fmt.Errorf("the download is damaged: its SHA-256 is %s instead of %s", got, clean(a.SHA256))
	}
	return nil
}
