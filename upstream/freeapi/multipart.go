package freeapi

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/textproto"
	"strings"

	"github.com/jimeng-gateway/jimeng-gateway/upstream"
)

// body is the content of a request. A JSON body is small and at hand; a form
// with files is produced while it is read, so that no file is ever in memory.
type body struct {
	io.Reader
	contentType string
	written     chan struct{} // closed when the goroutine that writes the form has ended
	failure     error         // why a material could not be read; valid after written
	abort       func()
}

func newBody(ctx context.Context, p *plan) (*body, error) {
	if len(p.files) == 0 {
		object := make(map[string]any, len(p.fields))
		for _, f := range p.fields {
			object[f.name] = f.value
		}
		data, err := json.Marshal(object)
		if err != nil {
			return nil, fmt.Errorf("encode request: %w", err)
		}
		done := make(chan struct{})
		close(done)
		return &body{Reader: bytes.NewReader(data), contentType: "application/json", written: done, abort: func() {}}, nil
	}
	r, w := io.Pipe()
	form := multipart.NewWriter(w)
	b := &body{Reader: r, contentType: form.FormDataContentType(), written: make(chan struct{})}
	b.abort = func() { r.CloseWithError(errAborted) }
	// A reader that waits for the store must not outlive the call.
	unhook := context.AfterFunc(ctx, func() { w.CloseWithError(context.Cause(ctx)) })
	go func() {
		defer close(b.written)
		defer unhook()
		err := writeForm(ctx, form, p)
		// An error reaches net/http before the last boundary does: the request
		// stays incomplete and the server cannot act on it.
		w.CloseWithError(err)
		// Other errors only mean that the request ended first.
		if e, ok := errors.AsType[*materialError](err); ok && ctx.Err() == nil {
			b.failure = e
		}
	}()
	return b, nil
}

var errAborted = errors.New("the request has ended")

// materialError is a material that could not be read.
type materialError struct{ err error }

func (e *materialError) Error() string { return e.err.Error() }
func (e *materialError) Unwrap() error { return e.err }

// finish ends the writing of the body and returns why a material could not be
// read, nil if all could. It does not wait for a store that hangs after ctx has
// ended.
func (b *body) finish(ctx context.Context) error {
	b.abort()
	select {
	case <-b.written:
		return b.failure
	case <-ctx.Done():
		return nil
	}
}

func writeForm(ctx context.Context, form *multipart.Writer, p *plan) error {
	for _, f := range p.fields {
		if err := form.WriteField(f.name, fmt.Sprint(f.value)); err != nil {
			return fmt.Errorf("write field %s: %w", f.name, err)
		}
	}
	for i, f := range p.files {
		if err := writeFile(ctx, form, f, i+1); err != nil {
			return fmt.Errorf("write material %d: %w", i+1, err)
		}
	}
	return form.Close()
}

func writeFile(ctx context.Context, form *multipart.Writer, f file, n int) error {
	content, err := f.material.Open(ctx)
	if err != nil {
		return &materialError{fmt.Errorf("open: %w", err)}
	}
	defer content.Close()
	header := textproto.MIMEHeader{}
	header.Set("Content-Disposition", multipart.FileContentDisposition(f.field, fileName(f.material, n)))
	contentType := f.material.ContentType
	if contentType == "" || strings.ContainsAny(contentType, "\r\n") {
		contentType = "application/octet-stream"
	}
	header.Set("Content-Type", contentType)
	part, err := form.CreatePart(header)
	if err != nil {
		return err
	}
	size, err := io.Copy(part, materialReader{content})
	if err != nil {
		return err
	}
	if f.material.Size > 0 && size != f.material.Size {
		return &materialError{fmt.Errorf("read: %d bytes instead of %d", size, f.material.Size)}
	}
	return nil
}

// materialReader tells faults of reading from those of writing.
type materialReader struct{ r io.Reader }

func (m materialReader) Read(p []byte) (int, error) {
	n, err := m.r.Read(p)
	if err != nil && err != io.EOF {
		err = &materialError{fmt.Errorf("read: %w", err)}
	}
	return n, err
}

// fileName is the client's name for the file without what could lead astray: a
// path, control characters, or "@", which iptag would look for in the prompt.
func fileName(m upstream.Material, n int) string {
	name := m.Name[strings.LastIndexAny(m.Name, `/\`)+1:]
	name = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r == '@' {
			return -1
		}
		return r
	}, name)
	if strings.Trim(name, ". ") == "" {
		return fmt.Sprintf("material%d%s", n, extension(m))
	}
	return name
}

func extension(m upstream.Material) string {
	switch mediaType(m.ContentType) {
	case "image/png":
		return ".png"
	case "image/webp":
		return ".webp"
	case "image/gif":
		return ".gif"
	case "video/quicktime":
		return ".mov"
	case "audio/wav", "audio/x-wav":
		return ".wav"
	}
	switch m.Kind {
	case upstream.Video:
		return ".mp4"
	case upstream.Audio:
		return ".mp3"
	}
	return ".jpg"
}
