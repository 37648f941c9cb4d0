package simulator

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/url"
	"strings"
)

const (
	maxFile = 100 << 20 // as in the originals
	maxText = 8 << 20   // what is left of a body without its materials
)

// Material is an input that arrived with a submit. Its content is counted and
// hashed while it streams in, and never kept.
type Material struct {
	Field       string `json:"field"`
	Filename    string `json:"filename,omitempty"`
	ContentType string `json:"content_type,omitempty"`
	Size        int64  `json:"size"`
	SHA256      string `json:"sha256,omitempty"`
	URL         string `json:"url,omitempty"` // of a material that is only named; the simulator does not fetch it
}

// body is a request body of any of the three types. Fields of a form are
// strings, or lists when they were repeated.
type body struct {
	fields    map[string]any
	files     []Material // parts with a file name
	inline    []Material // data URIs in a JSON body, see [inlinePrefix]
	multipart bool
}

func (s *Server) readBody(r *http.Request) (*body, error) {
	mediaType, params, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil {
		mediaType = ""
	}
	switch mediaType {
	case "application/json":
		return s.readJSON(r.Body)
	case "multipart/form-data":
		b, err := readMultipart(r.Body, params["boundary"])
		if err != nil {
			return nil, err
		}
		// What follows the last boundary belongs to the request as well; with
		// something left unread, the server would not notice a client that left.
		if _, err := io.Copy(io.Discard, r.Body); err != nil {
			return nil, fmt.Errorf("read request body: %w", err)
		}
		return b, nil
	case "application/x-www-form-urlencoded":
		return readForm(r.Body)
	}
	// As in the originals, any other body is an empty one; it is read to its
	// end so that the connection can go on.
	if _, err := io.Copy(io.Discard, r.Body); err != nil {
		return nil, fmt.Errorf("read request body: %w", err)
	}
	return &body{fields: map[string]any{}}, nil
}

func readForm(r io.Reader) (*body, error) {
	text, err := readText(r)
	if err != nil {
		return nil, err
	}
	values, err := url.ParseQuery(string(text))
	if err != nil {
		return nil, fmt.Errorf("parse form: %w", err)
	}
	b := &body{fields: map[string]any{}}
	for name, list := range values {
		for _, value := range list {
			b.add(name, value)
		}
	}
	return b, nil
}

func readMultipart(r io.Reader, boundary string) (*body, error) {
	if boundary == "" {
		return nil, errors.New("bad content-type header, no multipart boundary")
	}
	b := &body{fields: map[string]any{}, multipart: true}
	reader := multipart.NewReader(r, boundary)
	for {
		part, err := reader.NextPart()
		if errors.Is(err, io.EOF) {
			return b, nil
		} else if err != nil {
			return nil, fmt.Errorf("parse multipart body: %w", err)
		}
		if part.FileName() == "" {
			text, err := readText(part)
			if err != nil {
				return nil, err
			}
			b.add(part.FormName(), string(text))
			continue
		}
		m := Material{Field: part.FormName(), Filename: part.FileName(), ContentType: part.Header.Get("Content-Type")}
		if err := m.take(part); err != nil {
			return nil, err
		}
		b.files = append(b.files, m)
	}
}

// take reads a file to its end.
func (m *Material) take(r io.Reader) error {
	hash := sha256.New()
	size, err := io.Copy(hash, io.LimitReader(r, maxFile+1))
	if err != nil {
		return fmt.Errorf("read file: %w", err)
	}
	if size > maxFile {
		return fmt.Errorf("options.maxFileSize (%d bytes) exceeded, received %d bytes of file data", maxFile, size)
	}
	m.Size, m.SHA256 = size, hex.EncodeToString(hash.Sum(nil))
	return nil
}

// add puts a field of a form in: one value is a string, more are a list.
func (b *body) add(name, value string) {
	switch old := b.fields[name].(type) {
	case nil:
		b.fields[name] = value
	case []any:
		b.fields[name] = append(old, value)
	default:
		b.fields[name] = []any{old, value}
	}
}

func readText(r io.Reader) ([]byte, error) {
	text, err := io.ReadAll(io.LimitReader(r, maxText+1))
	if err != nil {
		return nil, fmt.Errorf("read request body: %w", err)
	}
	if len(text) > maxText {
		return nil, errors.New("request entity too large")
	}
	return text, nil
}

func (s *Server) readJSON(r io.Reader) (*body, error) {
	filter := newDataURIFilter(r)
	text, err := readText(filter)
	if err != nil {
		return nil, err
	}
	text = cleanJSON(text)
	b := &body{fields: map[string]any{}, inline: filter.found}
	if len(text) == 0 {
		return b, nil
	}
	var value any
	err = json.Unmarshal(text, &value)
	if err != nil && s.variant == Iptag {
		if json.Unmarshal(repairJSON(text), &value) == nil {
			err = nil
		}
	}
	if err != nil {
		message := jsonMessage(err, text)
		if s.variant == Iptag {
			message = "无效的JSON格式: " + message
		}
		return nil, errors.New(message)
	}
	if fields, ok := value.(map[string]any); ok {
		b.fields = fields
	}
	return b, nil
}

// text returns a field that is a string, or "".
func (b *body) text(name string) string {
	text, _ := b.fields[name].(string)
	return text
}

// textOr returns a field, or what is used in its place when it is absent.
func (b *body) textOr(name, fallback string) string {
	if _, ok := b.fields[name]; !ok {
		return fallback
	}
	return b.text(name)
}

// list returns the materials that a field names by URL or data URI.
func (b *body) list(name string) []Material {
	var list []Material
	items, _ := b.fields[name].([]any)
	for _, item := range items {
		if object, ok := item.(map[string]any); ok {
			item = object["url"]
		}
		if text, ok := item.(string); ok && text != "" {
			list = append(list, b.material(name, text))
		}
	}
	return list
}

// material returns the material that a string stands for.
func (b *body) material(field, text string) Material {
	var n int
	if rest, ok := strings.CutPrefix(text, inlinePrefix); ok {
		if _, err := fmt.Sscanf(rest, "%d", &n); err == nil && n >= 0 && n < len(b.inline) {
			m := b.inline[n]
			m.Field = field
			return m
		}
	}
	if head, data, ok := strings.Cut(text, ","); ok && strings.HasPrefix(head, "data:") {
		m := Material{Field: field, ContentType: contentTypeOf(head)}
		if err := m.take(decodeData(head, bytes.NewReader([]byte(data)))); err == nil {
			return m
		}
	}
	return Material{Field: field, URL: text}
}

// references returns the materials as the servers see them: files win over
// paths, and a filePaths that is not empty wins over file_paths.
func (b *body) references() []Material {
	if len(b.files) > 0 {
		return b.files
	}
	if list := b.list("filePaths"); len(list) > 0 {
		return list
	}
	return b.list("file_paths")
}
