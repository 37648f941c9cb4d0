package api

import (
	"errors"
	"fmt"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/jimeng-gateway/jimeng-gateway/auth"
	"github.com/jimeng-gateway/jimeng-gateway/store"
)

func (a *api) fileRoutes(r *router) {
	r.HandleFunc("GET /v1/artifacts/{task}/{number}", a.serveArtifact)
	r.HandleFunc("GET /v1/materials/{task}/{number}", a.serveMaterial)
}

// link is the absolute address of a file of a task: kind is "artifacts" or
// "materials". Whoever has it may fetch the file until it expires, which is at
// the end of an hour, so that a page that asks for the task again and again gets
// the same address and its player goes on playing.
func (a *api) link(base, kind, task string, number int) string {
	const step = time.Hour
	expiry := time.Now().Add(a.LinkTTL + step).Truncate(step)
	return base + a.Links.Sign("/v1/"+kind+"/"+task+"/"+strconv.Itoa(number), expiry)
}

// serveArtifact serves a result of a task.
func (a *api) serveArtifact(w http.ResponseWriter, r *http.Request) {
	a.serveFile(w, r, func(t *store.Task, n int) *storedFile {
		if n >= len(t.Artifacts) {
			return nil
		}
		artifact := t.Artifacts[n]
		name := fmt.Sprintf("%s-%d", t.ID, n)
		return &storedFile{blob: artifact.Blob, contentType: artifact.ContentType, etag: artifact.SHA256, name: name}
	})
}

// serveMaterial serves an input of a task back to who may see the task.
func (a *api) serveMaterial(w http.ResponseWriter, r *http.Request) {
	a.serveFile(w, r, func(t *store.Task, n int) *storedFile {
		if n >= len(t.Materials) || t.Materials[n].Blob == "" {
			return nil
		}
		material := t.Materials[n]
		// Blobs never change, so their name is as good as a checksum.
		return &storedFile{blob: material.Blob, contentType: material.ContentType, etag: strings.ReplaceAll(material.Blob, "/", "-"), name: material.Name}
	})
}

type storedFile struct {
	blob, contentType, etag, name string
}

// serveFile checks the signed link, finds the file and serves it, whole or in
// ranges.
func (a *api) serveFile(w http.ResponseWriter, r *http.Request, find func(*store.Task, int) *storedFile) {
	expires, err := a.checkLink(r)
	if err != nil {
		a.fail(w, r, err)
		return
	}
	task, err := a.Queue.Task(r.Context(), "", r.PathValue("task"))
	if err != nil {
		a.fail(w, r, err)
		return
	}
	number, err := strconv.Atoi(r.PathValue("number")) // signed, so it is a number
	var file *storedFile
	if err == nil && number >= 0 {
		file = find(task, number)
	}
	if file == nil {
		a.fail(w, r, store.ErrNotFound)
		return
	}
	content, err := a.Blobs.Open(r.Context(), file.blob)
	if err != nil {
		a.fail(w, r, err)
		return
	}
	defer content.Close()
	header := w.Header()
	disposition := "inline"
	if _, media := materialTypes[file.contentType]; !media {
		// Nothing but pictures, sound and video may run in a browser that is
		// signed in here.
		disposition, file.contentType = "attachment", "application/octet-stream"
	}
	header.Set("Content-Type", file.contentType)
	header.Set("Content-Disposition", contentDisposition(disposition, file.name, file.contentType))
	header.Set("Etag", `"`+file.etag+`"`)
	header.Set("Cache-Control", fmt.Sprintf("private, immutable, max-age=%d", max(0, int(time.Until(expires).Seconds()))))
	http.ServeContent(w, r, "", content.ModTime(), content)
}

// checkLink returns when the link expires.
func (a *api) checkLink(r *http.Request) (time.Time, error) {
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		query = nil
	}
	switch err := a.Links.Verify(r.URL.Path, query, time.Now()); {
	case errors.Is(err, auth.ErrLinkExpired):
		return time.Time{}, &apiError{status: http.StatusForbidden, code: "link_expired", message: "The link has expired; ask for the task again to get a new one."}
	case err != nil:
		return time.Time{}, &apiError{status: http.StatusForbidden, code: "link_invalid", message: "The link is not valid; ask for the task to get a new one."}
	}
	unix, _ := strconv.ParseInt(query.Get("expires"), 10, 64) // signed, so it is a number
	return time.Unix(unix, 0), nil
}

// extensions are what a saved file is called; the system's table of types, which
// the standard library asks, differs from machine to machine.
var extensions = map[string]string{
	"image/jpeg": ".jpg", "image/png": ".png", "image/webp": ".webp", "image/gif": ".gif", "image/bmp": ".bmp",
	"video/mp4": ".mp4", "video/quicktime": ".mov", "video/x-m4v": ".m4v", "audio/mpeg": ".mp3", "audio/wav": ".wav",
}

// contentDisposition names a file for saving, in whatever letters it has.
func contentDisposition(disposition, name, contentType string) string {
	if name == "" {
		name = "file"
	}
	if !strings.Contains(name, ".") {
		name += extensions[contentType]
	}
	if value := mime.FormatMediaType(disposition, map[string]string{"filename": name}); value != "" {
		return value
	}
	return disposition
}
