package api

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"unicode/utf8"
)

const (
	// maxJSON is the most bytes of a JSON body without the files in it: a long
	// prompt and many URLs fit.
	maxJSON = 1 << 20
	// wholeJSON is up to what size a body is read before it is looked at, as
	// almost all of them are.
	wholeJSON = 64 << 10
)

// readJSON returns a JSON body. Files in a large one are stored while they stream
// by; what is returned has a short text in the place of each, see [intake.text].
func (in *intake) readJSON(w http.ResponseWriter, r *http.Request, holdsFiles func(field string) bool) ([]byte, error) {
	if r.ContentLength >= 0 && r.ContentLength <= wholeJSON {
		return readBody(w, r, wholeJSON)
	}
	// Base64 has four bytes for three.
	source := bodyOf(w, r, in.api.Materials.Total/3*4+2*maxJSON, in.totalTooLarge())
	var head bytes.Buffer
	head.Grow(wholeJSON + bytes.MinRead)
	if _, err := io.CopyN(&head, source, wholeJSON); err == io.EOF {
		return head.Bytes(), nil
	} else if err != nil {
		return nil, err
	}
	stream := newJSONStream(io.MultiReader(&head, source), in, holdsFiles)
	err := stream.run(r.Context())
	return stream.out.Bytes(), err
}

// totalTooLarge is the answer to more bytes than a request may have.
func (in *intake) totalTooLarge() *apiError {
	return &apiError{status: http.StatusRequestEntityTooLarge, code: "too_large", field: "files",
		message: "are together larger than " + size(in.api.Materials.Total)}
}

// parseJSON reads the fields of a create request one by one, because the standard
// decoder takes a field that is given twice and one with other letter case, and
// its errors do not name the field as the client does.
func (c *create) parseJSON(ctx context.Context, body []byte) error {
	if !utf8.Valid(body) {
		return invalid("body", "is not valid UTF-8")
	}
	if !json.Valid(body) {
		return notJSON(body)
	}
	if err := checkEscapes(body); err != nil {
		return err
	}
	return eachMember(body, func(name string, value json.RawMessage) error {
		err := c.once(name)
		if err == nil {
			err = c.setJSON(ctx, name, value)
		}
		if err != nil && c.estimates {
			c.faults = append(c.faults, err)
			return nil
		}
		return err
	})
}

// notJSON explains a syntax error. Its text is about the client's own input.
func notJSON(body []byte) error {
	var value json.RawMessage
	err := json.Unmarshal(body, &value)
	if syntax, ok := asError[*json.SyntaxError](err); ok {
		return invalid("body", "is not valid JSON: %v (at byte %d)", err, syntax.Offset)
	}
	return invalid("body", "is not valid JSON")
}

const (
	space     = " \t\r\n"
	separator = " \t\r\n,:"
)

// eachMember goes through the members of an object that is known to be valid
// JSON, without decoding it: the hot path of the gateway is here.
func eachMember(body []byte, f func(name string, value json.RawMessage) error) error {
	i := skip(body, 0, space)
	if body[i] != '{' {
		return invalid("body", "must be a JSON object")
	}
	for {
		i = skip(body, i+1, separator)
		if body[i] == '}' {
			return nil
		}
		end := stringEnd(body, i)
		name, _ := jsonString(body[i:end])
		i = skip(body, end, separator)
		end = valueEnd(body, i)
		if err := f(name, body[i:end]); err != nil {
			return err
		}
		i = end - 1
	}
}

// eachElement goes through the elements of a list, which is known to be valid.
func eachElement(list []byte, f func(value json.RawMessage) error) error {
	for i := 0; ; {
		i = skip(list, i+1, separator)
		if list[i] == ']' {
			return nil
		}
		end := valueEnd(list, i)
		if err := f(list[i:end]); err != nil {
			return err
		}
		i = end - 1
	}
}

func skip(body []byte, i int, characters string) int {
	for strings.IndexByte(characters, body[i]) >= 0 {
		i++
	}
	return i
}

// stringEnd returns the index after the string that begins at i.
func stringEnd(body []byte, i int) int {
	for i++; body[i] != '"'; i++ {
		if body[i] == '\\' {
			i++
		}
	}
	return i + 1
}

// valueEnd returns the index after the value that begins at i.
func valueEnd(body []byte, i int) int {
	depth := 0
	for ; ; i++ {
		switch body[i] {
		case '"':
			if i = stringEnd(body, i) - 1; depth == 0 {
				return i + 1
			}
		case '{', '[':
			depth++
		case '}', ']':
			if depth--; depth < 0 {
				return i // the end of the object around a number or word
			} else if depth == 0 {
				return i + 1
			}
		case ',', ' ', '\t', '\r', '\n':
			if depth == 0 {
				return i
			}
		}
	}
}

// checkNested refuses what is wrong inside a value that is no plain one.
func checkNested(name string, value json.RawMessage) error {
	if value[0] != '{' && value[0] != '[' {
		return nil
	}
	d := json.NewDecoder(bytes.NewReader(value))
	d.UseNumber()
	return checkValue(d, &place{name: name}, 1)
}

// setJSON takes one field; null is the same as absent.
func (c *create) setJSON(ctx context.Context, name string, value json.RawMessage) error {
	if err := checkNested(name, value); err != nil {
		return err
	}
	if name == "materials" && c.estimates {
		return c.assume(name, value)
	}
	kind := c.fields[name]
	if kind == ignored || string(value) == "null" {
		return nil
	}
	switch kind {
	case text:
		s, ok := jsonString(value)
		if !ok {
			return invalid(name, "must be a string")
		}
		return c.setText(name, s)
	case number, fraction:
		if c := value[0]; c != '-' && (c < '0' || c > '9') {
			value = nil // a string, even of digits, is the wrong type here
		}
		if kind == fraction {
			return c.setFraction(name, string(value))
		}
		return c.setNumber(name, string(value))
	case boolean:
		return c.setBoolean(name, string(value))
	case inputs:
		return c.addInputs(ctx, name, value)
	default:
		if string(value) == `""` {
			return nil
		}
		return invalid(name, "%s", refusals[name])
	}
}

func jsonString(value json.RawMessage) (s string, ok bool) {
	if len(value) == 0 || value[0] != '"' {
		return "", false
	}
	if bytes.IndexByte(value, '\\') < 0 {
		return string(value[1 : len(value)-1]), true
	}
	err := json.Unmarshal(value, &s)
	return s, err == nil
}
