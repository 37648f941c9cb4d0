package freeapi

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/textproto"
	"strings"

	"github.com/jimeng-gateway/jimeng-gateway/upstream"
)

// body is the content of a request. A JSON body without images is small and at
// hand; any other is produced while it is read, so that no file is ever in memory.
type body struct {
	io.Reader
	contentType string
	written     chan struct{} // closed when the goroutine that writes the body has ended
	failure     error         // why a material could not be read; valid after written
	abort       func()
}

func newBody(ctx context.Context, p *plan) (*body, error) {
	switch {
	case len(p.files) > 0:
		r, w := io.Pipe()
		form := multipart.NewWriter(w)
		return streamBody(ctx, r, w, form.FormDataContentType(), func() error { return writeForm(ctx, form, p) }), nil
	case p.images.inline():
		r, w := io.Pipe()
		return streamBody(ctx, r, w, "application/json", func() error { return writeInline(ctx, w, p) }), nil
	}
	if len(p.images) > 0 {
		urls := make([]string, len(p.images))
		for i, m := range p.images {
			urls[i] = m.URL
		}
		p.set("images", urls)
	}
	data, err := p.object()
	if err != nil {
		return nil, err
	}
	done := make(chan struct{})
	close(done)
	return &body{Reader: bytes.NewReader(data), contentType: "application/json", written: done, abort: func() {}}, nil
}

// object is the fields in JSON.
func (p *plan) object() ([]byte, error) {
	object := make(map[string]any, len(p.fields))
	for _, f := range p.fields {
		object[f.name] = f.value
	}
	data, err := json.Marshal(object)
	if err != nil {
		return nil, fmt.Errorf("encode request: %w", err)
	}
	return data, nil
}

// streamBody lets write produce the body in a goroutine of its own.
func streamBody(ctx context.Context, r *io.PipeReader, w *io.PipeWriter, contentType string, write func() error) *body {
	b := &body{Reader: r, contentType: contentType, written: make(chan struct{})}
	b.abort = func() { r.CloseWithError(errAborted) }
	// A reader that waits for the store must not outlive the call.
	unhook := context.AfterFunc(ctx, func() { w.CloseWithError(context.Cause(ctx)) })
	go func() {
		defer close(b.written)
		defer unhook()
		err := write()
		// An error reaches net/http before the end of the body does: the request
		// stays incomplete and the server cannot act on it.
		w.CloseWithError(err)
		// Other errors only mean that the request ended first.
		if e, ok := errors.AsType[*materialError](err); ok && ctx.Err() == nil {
			b.failure = e
		}
	}()
	return b
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
	header := textproto.MIMEHeader{}
	header.Set("Content-Disposition", multipart.FileContentDisposition(f.field, fileName(f.material, n)))
	header.Set("Content-Type", contentType(f.material))
	part, err := form.CreatePart(header)
	if err != nil {
		return err
	}
	return copyMaterial(ctx, part, f.material)
}

func contentType(m upstream.Material) string {
	if m.ContentType == "" || strings.ContainsAny(m.ContentType, "\r\n\"\\") {
		return "application/octet-stream"
	}
	return m.ContentType
}

// copyMaterial writes the content, and makes sure that it is whole.
func copyMaterial(ctx context.Context, w io.Writer, m upstream.Material) error {
	content, err := m.Open(ctx)
	if err != nil {
		return &materialError{fmt.Errorf("open: %w", err)}
	}
	defer content.Close()
	size, err := io.Copy(w, materialReader{content})
	if err != nil {
		return err
	}
	if m.Size > 0 && size != m.Size {
		return &materialError{fmt.Errorf("read: %d bytes instead of %d", size, m.Size)}
	}
	return nil
}

// writeInline writes JSON with the images in it.
func writeInline(ctx context.Context, w io.Writer, p *plan) error {
	object, err := p.object()
	if err != nil {
		return err
	}
	before := string(object[:len(object)-1]) + `,"images":[` // there is always a model
	for i, m := range p.images {
		if _, err := io.WriteString(w, before); err != nil {
			return err
		}
		if before = ","; m.URL != "" {
			address, err := json.Marshal(m.URL)
			if err != nil {
				return err
			}
			if _, err := w.Write(address); err != nil {
				return err
			}
			continue
		}
		if _, err := fmt.Fprintf(w, `"data:%s;base64,`, contentType(m)); err != nil {
			return err
		}
		encoder := base64.NewEncoder(base64.StdEncoding, w)
		if err := copyMaterial(ctx, encoder, m); err != nil {
			return fmt.Errorf("write material %d: %w", i+1, err)
		}
		if err := encoder.Close(); err != nil {
			return err
		}
		if _, err := io.WriteString(w, `"`); err != nil {
			return err
		}
	}
	_, err = io.WriteString(w, "]}")
	return err
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
