package api

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strings"
	"unicode/utf8"
)

// maxJSON is the most bytes of a JSON body: a long prompt and many URLs fit,
// files belong into a form.
const maxJSON = 1 << 20

// readBody reads at most limit bytes.
func readBody(w http.ResponseWriter, r *http.Request, limit int64) ([]byte, error) {
	var body bytes.Buffer
	if r.ContentLength > 0 && r.ContentLength <= limit {
		body.Grow(int(r.ContentLength) + bytes.MinRead)
	}
	_, err := body.ReadFrom(http.MaxBytesReader(w, r.Body, limit))
	if _, tooLarge := asError[*http.MaxBytesError](err); tooLarge {
		return nil, &apiError{status: http.StatusRequestEntityTooLarge, code: "too_large", field: "body",
			message: "is larger than " + size(limit) + "; send files as multipart/form-data"}
	} else if err != nil {
		return nil, invalid("body", "broke off")
	}
	return body.Bytes(), nil
}

// parseJSON reads the fields of a create request one by one, because the standard
// decoder takes a field that is given twice and one with other letter case, and
// its errors do not name the field as the client does.
func parseJSON(body []byte) (*create, error) {
	if !utf8.Valid(body) {
		return nil, invalid("body", "is not valid UTF-8")
	}
	if !json.Valid(body) {
		return nil, notJSON(body)
	}
	c := &create{}
	return c, eachMember(body, func(name string, value json.RawMessage) error {
		if err := c.once(name); err != nil {
			return err
		}
		return c.setJSON(name, value)
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

// eachMember goes through the members of an object that is known to be valid
// JSON, without decoding it: the hot path of the gateway is here.
func eachMember(body []byte, f func(name string, value json.RawMessage) error) error {
	i := skip(body, 0, " \t\r\n")
	if body[i] != '{' {
		return invalid("body", "must be a JSON object")
	}
	for {
		i = skip(body, i+1, " \t\r\n,")
		if body[i] == '}' {
			return nil
		}
		end := stringEnd(body, i)
		name, _ := jsonString(body[i:end])
		i = skip(body, end, " \t\r\n:")
		end = valueEnd(body, i)
		if err := f(name, body[i:end]); err != nil {
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

// setJSON takes one field; null is the same as absent.
func (c *create) setJSON(name string, value json.RawMessage) error {
	kind := createFields[name]
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
	case number:
		if c := value[0]; c != '-' && (c < '0' || c > '9') {
			value = nil // a string, even of digits, is the wrong type here
		}
		return c.setNumber(name, string(value))
	case urls:
		var list []json.RawMessage
		if json.Unmarshal(value, &list) != nil {
			return invalid(name, "must be a list of URLs")
		}
		for _, item := range list {
			s, ok := jsonString(item)
			if !ok {
				return invalid(name, "must be a list of URLs")
			}
			if err := c.addURL(name, s); err != nil {
				return err
			}
		}
		return nil
	case files:
		if string(value) == "[]" {
			return nil
		}
		return invalid(name, "need multipart/form-data; send URLs as file_paths")
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
