package api

import (
	"bufio"
	"context"
	"encoding/base64"
	"encoding/json"
	"io"
	"strconv"
	"strings"
)

// input is a material that a request names, in one of three ways.
type input struct {
	field string  // where it stands, for errors: "file_paths[2]"
	file  *staged // it came with the request
	url   string  // it is somewhere else
	id    string  // it was uploaded before
}

// materialID is how the ids of stored materials begin.
const materialID = "mat_"

// addInputs takes the value of a field of materials: a list of strings and
// objects, or one of them alone.
func (c *create) addInputs(ctx context.Context, name string, value json.RawMessage) error {
	if value[0] != '[' {
		if name != "image" && name != "images" {
			return invalid(name, "must be a list")
		}
		return c.addInput(ctx, name, name, value)
	}
	i := 0
	return eachElement(value, func(element json.RawMessage) error {
		field := name + "[" + strconv.Itoa(i) + "]"
		if i++; i > maxInputs {
			return invalid(name, "has more than %d entries", maxInputs)
		}
		return c.addInput(ctx, name, field, element)
	})
}

// addInput takes one material: a URL, a data URI or an id as a string, or an
// object that says which of them it is.
func (c *create) addInput(ctx context.Context, name, field string, value json.RawMessage) error {
	var in *input
	var err error
	if s, ok := c.intake.text(value); ok {
		in, err = c.intake.fromString(ctx, field, s)
	} else if value[0] == '{' {
		in, err = c.intake.fromObject(ctx, field, value)
	} else {
		err = invalid(field, "must be a URL, a data URI, the id of a material, or an object with one of them")
	}
	if err != nil {
		return err
	}
	c.put(name, *in)
	return nil
}

func (c *create) put(name string, in input) {
	if c.inputs == nil {
		c.inputs = map[string][]input{}
	}
	c.inputs[name] = append(c.inputs[name], in)
}

// text is a JSON string: its content, or the file that was taken out of the body
// while it streamed by.
type inlineText struct {
	content string
	file    *staged
}

func (in *intake) text(value json.RawMessage) (inlineText, bool) {
	s, ok := jsonString(value)
	if !ok {
		return inlineText{}, false
	}
	if rest, taken := strings.CutPrefix(s, in.nonce); taken && in.nonce != "" {
		n, err := strconv.Atoi(rest)
		if err != nil || n >= len(in.files) {
			return inlineText{}, false
		}
		return inlineText{file: in.files[n]}, true
	}
	return inlineText{content: s}, true
}

// fromString tells by the text what it is.
func (in *intake) fromString(ctx context.Context, field string, s inlineText) (*input, error) {
	switch {
	case s.file != nil:
		return &input{field: field, file: s.file}, nil
	case strings.HasPrefix(s.content, "data:"):
		return in.decode(ctx, field, strings.NewReader(s.content))
	case strings.HasPrefix(s.content, materialID):
		return &input{field: field, id: s.content}, nil
	}
	return &input{field: field, url: s.content}, nil
}

// fromObject reads {"data"…}, {"url"…} or {"id"…}, with a filename and a
// mime_type where there is data. The field is "" for an object that is the body;
// that no member is there twice has been checked.
func (in *intake) fromObject(ctx context.Context, field string, value json.RawMessage) (*input, error) {
	whole := field
	if field == "" {
		whole = "body"
	} else {
		field += "."
	}
	texts := map[string]inlineText{}
	err := eachMember(value, func(member string, value json.RawMessage) error {
		if string(value) == "null" || !fileFields[member] {
			return nil
		}
		s, ok := in.text(value)
		if !ok {
			return invalid(field+member, "must be a string")
		}
		texts[member] = s
		return nil
	})
	if err != nil {
		return nil, err
	}
	var source string
	for _, member := range []string{"data", "url", "id"} {
		if _, given := texts[member]; !given {
			continue
		}
		if source != "" {
			return nil, invalid(whole, "has both %s and %s, only one of them is possible", source, member)
		}
		source = member
	}
	content := texts[source]
	at := field + source
	var result *input
	switch {
	case source == "":
		return nil, invalid(whole, "needs data, url or id")
	case source == "id":
		return &input{field: at, id: content.content}, nil
	case source == "data" && content.file == nil && !isURL(content.content):
		result, err = in.decode(ctx, at, strings.NewReader(content.content))
	case strings.HasPrefix(content.content, materialID):
		return nil, invalid(at, "is an id; send it as id")
	default:
		result, err = in.fromString(ctx, at, content)
	}
	if err != nil || result.file == nil {
		return result, err
	}
	if name := texts["filename"].content; name != "" {
		result.file.Name = fileName(name)
	}
	return result, checkDeclared(at, texts["mime_type"].content, result.file.ContentType)
}

// fileFields are the members of an object that is a material.
var fileFields = map[string]bool{"data": true, "url": true, "id": true, "filename": true, "mime_type": true}

func isURL(s string) bool {
	return strings.HasPrefix(s, "http://") || strings.HasPrefix(s, "https://")
}

// maxDataHead is the longest beginning of a data URI, up to its comma.
const maxDataHead = 256

// decode stores the file in base64 that r has, with the beginning of a data URI
// or without.
func (in *intake) decode(ctx context.Context, field string, r io.Reader) (*input, error) {
	buffered := bufio.NewReaderSize(r, 4<<10)
	declared := ""
	start, err := buffered.Peek(maxDataHead)
	if len(start) == 0 && err != io.EOF {
		return nil, bodyErrorAt(field, err)
	}
	if head, isData := strings.CutPrefix(string(start), "data:"); isData {
		head, _, complete := strings.Cut(head, ",")
		declared, isData = strings.CutSuffix(head, ";base64")
		if !complete || !isData {
			return nil, invalid(field, "must be a data URI in base64, as in data:image/png;base64,…")
		}
		if _, err := buffered.Discard(len("data:") + len(head) + len(",")); err != nil {
			return nil, bodyErrorAt(field, err)
		}
	} else if field != "data" && !strings.HasSuffix(field, ".data") {
		return nil, invalid(field, "is longer than a URL can be, and no data URI")
	}
	file, err := in.stage(ctx, field, declared, &base64Reader{field, base64.NewDecoder(base64.StdEncoding, buffered)})
	if err != nil {
		return nil, err
	}
	return &input{field: field, file: file}, nil
}

// base64Reader names the field in the decoder's errors.
type base64Reader struct {
	field string
	r     io.Reader
}

func (b *base64Reader) Read(p []byte) (int, error) {
	n, err := b.r.Read(p)
	if err != nil && err != io.EOF {
		err = bodyErrorAt(b.field, err)
	}
	return n, err
}

// bodyErrorAt is the fault of a field that holds a file.
func bodyErrorAt(field string, err error) error {
	if e, ok := asError[*apiError](err); ok {
		return e
	}
	return invalid(field, "is not valid base64")
}
