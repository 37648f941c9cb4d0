package api

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"strings"
)

const (
	// maxTexts is how many text fields a form may have, known or not.
	maxTexts = 100
	// formOverhead is what a form may have beside the content of its files.
	formOverhead = 4 << 20
)

// parseForm reads a form part by part and streams its files to the blob store,
// so that no file is ever in memory.
func (c *create) parseForm(w http.ResponseWriter, r *http.Request) error {
	body := bodyOf(w, r, c.api.Materials.Total+formOverhead, c.intake.totalTooLarge())
	r.Body = io.NopCloser(body)
	reader, err := r.MultipartReader()
	if err != nil {
		return invalid("body", "is not a valid form: the content type names no boundary")
	}
	for texts, files := 0, 0; ; {
		part, err := reader.NextPart()
		if err == io.EOF { // a form that breaks off wraps it
			// Only at the end of the body does the server notice a client that
			// goes away while it waits.
			_, err = io.Copy(io.Discard, body)
			return err
		} else if err != nil {
			return formError(err)
		}
		switch {
		case part.FormName() == "":
			return invalid("body", "has a part without a name")
		case isFile(part):
			// Empty ones become no material, and are counted all the same.
			if files++; files > maxTexts+c.api.Materials.Count {
				return invalid("files", "are too many")
			}
			err = c.addFile(r.Context(), part)
		default:
			if texts++; texts > maxTexts {
				return invalid("body", "has more than %d fields", maxTexts)
			}
			err = c.addText(r.Context(), part)
		}
		if err != nil {
			return err
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

// addFile stores one file, whatever its field is called.
func (c *create) addFile(ctx context.Context, part *multipart.Part) error {
	content := formPart{part}
	if part.FileName() == "" {
		// A file input in which nothing was chosen.
		var first [1]byte
		if n, err := io.ReadFull(content, first[:]); n == 0 && err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
		return c.storeFile(ctx, part, io.MultiReader(strings.NewReader(string(first[:])), content))
	}
	return c.storeFile(ctx, part, content)
}

func (c *create) storeFile(ctx context.Context, part *multipart.Part, content io.Reader) error {
	field := c.next("files")
	file, err := c.intake.stage(ctx, field, part.Header.Get("Content-Type"), content)
	if err != nil {
		return err
	}
	file.Name = fileName(part.FileName())
	c.put("files", input{field: field, file: file})
	return nil
}

// next names the place of the next material of a field as in JSON, so that an
// error tells which of several files it is about.
func (c *create) next(name string) string {
	return fmt.Sprintf("%s[%d]", name, len(c.inputs[name]))
}

// addText takes one text field, as soon as it is read, so that a mistake before
// a large file is answered before the file is sent.
func (c *create) addText(ctx context.Context, part *multipart.Part) error {
	name := part.FormName()
	content, err := io.ReadAll(io.LimitReader(formPart{part}, maxText+1))
	if err != nil {
		return err
	}
	if len(content) > maxText {
		return &apiError{status: http.StatusRequestEntityTooLarge, code: "too_large", field: short(name), message: "is larger than " + size(maxText)}
	}
	value := string(content)
	kind := c.fields[name]
	if kind != ignored && kind != inputs {
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
		return c.checkModel(ctx)
	case inputs:
		return c.addFormInputs(ctx, name, strings.TrimSpace(value))
	}
	if value = strings.TrimSpace(value); value == "" {
		return nil // an empty input of a form
	}
	switch kind {
	case number:
		return c.setNumber(name, value)
	case fraction:
		return c.setFraction(name, value)
	case boolean:
		return c.setBoolean(name, value)
	default:
		return invalid(name, "%s", refusals[name])
	}
}

// addFormInputs takes one URL, data URI or id, or a JSON list of them as some
// clients put it into a single field.
func (c *create) addFormInputs(ctx context.Context, name, value string) error {
	list := []string{value}
	if strings.HasPrefix(value, "[") {
		list = nil
		if json.Unmarshal([]byte(value), &list) != nil {
			return invalid(name, "must be URLs")
		}
	}
	for _, entry := range list {
		if entry == "" {
			continue
		}
		if name == "files" && !strings.HasPrefix(entry, materialID) {
			return invalid(name, "must be files; send URLs as file_paths")
		}
		if len(c.inputs[name]) == maxInputs {
			return invalid(name, "has more than %d entries", maxInputs)
		}
		if err := checkText(c.next(name), entry); err != nil {
			return err
		}
		in, err := c.intake.fromString(ctx, c.next(name), inlineText{content: entry})
		if err != nil {
			return err
		}
		c.put(name, *in)
	}
	return nil
}

// formPart is the content of a part, whose errors are the client's.
type formPart struct{ r io.Reader }

func (p formPart) Read(b []byte) (int, error) {
	n, err := p.r.Read(b)
	if err != nil && err != io.EOF {
		err = formError(err)
	}
	return n, err
}

// formError explains why a form could not be read further.
func formError(err error) error {
	if e, ok := asError[*apiError](err); ok && e != errBrokeOff {
		return e
	}
	return invalid("body", "is not a valid form: it is malformed or breaks off")
}
