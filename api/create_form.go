package api

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"strings"
	"time"

	"github.com/jimeng-gateway/jimeng-gateway/queue"
	"github.com/jimeng-gateway/jimeng-gateway/store"
	"github.com/jimeng-gateway/jimeng-gateway/upstream"
)

const (
	maxText = 64 << 10 // bytes of one text field of a form
	// maxTexts is how many text fields a form may have, known or not.
	maxTexts = 100
	// formOverhead is what a form may have beside the content of its files.
	formOverhead = 4 << 20
	// cleanUpTimeout bounds the deletion of files that nobody will use, which
	// goes on after the client is gone.
	cleanUpTimeout = 30 * time.Second
)

// parseForm reads a form part by part and streams its files to the blob store,
// so that no file is ever in memory. When the form is refused, nothing of it
// stays in the store.
func (a *api) parseForm(w http.ResponseWriter, r *http.Request) (_ *create, err error) {
	r.Body = http.MaxBytesReader(w, r.Body, a.Upload.Total+formOverhead)
	reader, err := r.MultipartReader()
	if err != nil {
		return nil, invalid("body", "is not a valid form: the content type names no boundary")
	}
	c := &create{}
	defer func() {
		if err != nil {
			a.discard(r.Context(), c.files)
		}
	}()
	total := int64(0)
	for texts, files := 0, 0; ; {
		part, err := reader.NextPart()
		if err == io.EOF { // a form that breaks off wraps it
			return c, nil
		} else if err != nil {
			return nil, a.formError(err)
		}
		if isFile(part) {
			// Empty ones become no material, and are counted all the same.
			if files++; files > maxTexts+a.Upload.Count {
				err = invalid("files", "are too many")
			} else {
				err = a.addFile(r.Context(), c, part, &total)
			}
		} else if texts++; texts > maxTexts {
			err = invalid("body", "has more than %d fields", maxTexts)
		} else {
			err = a.addText(r.Context(), c, part)
		}
		if err != nil {
			return nil, err
		}
	}
}

// isFile tells files from text fields. A file should have a name, but some
// clients send only its type.
func isFile(part *multipart.Part) bool {
	if part.FileName() != "" {
		return true
	}
	contentType := part.Header.Get("Content-Type")
	return contentType != "" && !strings.HasPrefix(contentType, "text/") && !strings.HasPrefix(contentType, "application/json")
}

// addText takes one text field, as soon as it is read, so that a mistake before
// a large file is answered before the file is sent.
func (a *api) addText(ctx context.Context, c *create, part *multipart.Part) error {
	name := part.FormName()
	if name == "" {
		return invalid("body", "has a part without a name")
	}
	content, err := io.ReadAll(io.LimitReader(part, maxText+1))
	if err != nil {
		return a.formError(err)
	}
	if len(content) > maxText {
		return &apiError{status: http.StatusRequestEntityTooLarge, code: "too_large", field: short(name), message: "is larger than " + size(maxText)}
	}
	value := string(content)
	kind := createFields[name]
	if kind != ignored && kind != urls {
		if err := c.once(name); err != nil {
			return err
		}
	}
	switch kind {
	case ignored:
		return nil
	case text:
		if err := c.setText(name, value); err != nil || name != "model" {
			return err
		}
		return a.checkModel(ctx, c.task.Model)
	case number:
		if value = strings.TrimSpace(value); value == "" {
			return nil // an empty input of a form
		}
		return c.setNumber(name, value)
	case urls:
		return c.addFormURLs(name, strings.TrimSpace(value))
	case files:
		if value == "" {
			return nil
		}
		return invalid(name, "must be files; send URLs as file_paths")
	default:
		if value == "" {
			return nil
		}
		return invalid(name, "%s", refusals[name])
	}
}

// checkModel refuses an unknown model with the queue's own words.
func (a *api) checkModel(ctx context.Context, name string) error {
	if name == "" || a.Queue.Model(name) != nil {
		return nil
	}
	return a.Queue.Check(&queue.NewTask{Key: callerOf(ctx).Key, Kind: upstream.Video, Model: name, Prompt: "x"})
}

// addFormURLs takes one URL, or a JSON list of them as some clients put it into
// a single field.
func (c *create) addFormURLs(name, value string) error {
	list := []string{value}
	if strings.HasPrefix(value, "[") {
		list = nil
		if json.Unmarshal([]byte(value), &list) != nil {
			return invalid(name, "must be URLs")
		}
	}
	for _, address := range list {
		if address == "" {
			continue
		}
		if err := c.addURL(name, address); err != nil {
			return err
		}
	}
	return nil
}

// addFile stores one file, whatever its field is called.
func (a *api) addFile(ctx context.Context, c *create, part *multipart.Part, total *int64) error {
	if len(c.files) == a.Upload.Count {
		return &apiError{status: http.StatusRequestEntityTooLarge, code: "too_many_files", field: "files",
			message: fmt.Sprintf("are too many, at most %d are possible in one request", a.Upload.Count)}
	}
	material, err := a.storeFile(ctx, part, a.Upload.Total-*total)
	if err != nil {
		return err
	}
	if material == nil { // a file input in which nothing was chosen
		return nil
	}
	*total += material.Size
	c.files = append(c.files, *material)
	return nil
}

// formError explains why a form could not be read further.
func (a *api) formError(err error) error {
	if _, tooLarge := asError[*http.MaxBytesError](err); tooLarge {
		return a.totalTooLarge()
	}
	return invalid("body", "is not a valid form: it is malformed or breaks off")
}

func (a *api) totalTooLarge() *apiError {
	return &apiError{status: http.StatusRequestEntityTooLarge, code: "too_large", field: "files",
		message: "are together larger than " + size(a.Upload.Total)}
}

// discard deletes files of a request that was refused. It also runs when the
// client has gone away, which is the most frequent reason.
func (a *api) discard(ctx context.Context, materials []store.Material) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanUpTimeout)
	defer cancel()
	for _, material := range materials {
		if material.Blob == "" {
			continue
		}
		if err := a.Blobs.Delete(ctx, material.Blob); err != nil {
			a.log(ctx, "delete material of a refused request", &apiError{status: http.StatusServiceUnavailable, cause: err})
		}
	}
}
