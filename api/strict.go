package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"
)

const (
	// maxDepth is how deep JSON may be nested. Ours has four levels at most, the
	// rest is for metadata.
	maxDepth = 32
	// bodyTimeout bounds the reading of a JSON body, which a slow line needs for
	// the largest that is allowed.
	bodyTimeout = 30 * time.Second
)

// strict refuses input of a native operation that decoders understand in
// different ways or quietly change: a member that is given twice, broken UTF-8,
// characters that nobody sees. It also bounds the body in size, time and depth.
func (a *api) strict(ctx huma.Context, next func(huma.Context)) {
	r, w := humago.Unwrap(ctx)
	op := ctx.Operation()
	err := checkQuery(r.URL.RawQuery, op.Parameters)
	if err == nil && slices.ContainsFunc(op.Parameters, func(p *huma.Param) bool { return p.Name == "Idempotency-Key" }) {
		_, err = idempotencyKey(r.Header)
	}
	if body := op.RequestBody; err == nil && body != nil && body.Content["application/json"] != nil {
		err = strictBody(w, r, body.Required)
	}
	if err == nil {
		err = r.Context().Err() // a long body, and the caller's time is over
	}
	if err != nil {
		a.fail(w, r, err)
		return
	}
	next(ctx)
}

// checkQuery refuses a query that cannot be read as it was meant.
func checkQuery(raw string, params []*huma.Param) error {
	if raw == "" {
		return nil
	}
	query, err := url.ParseQuery(raw)
	if err != nil {
		return invalid("query", "is malformed: write special characters as %%XX")
	}
	for name, values := range query {
		if len(values) > 1 { // only the first would count
			return invalid(short(name), "is given twice; a list has commas")
		}
		for _, value := range values {
			if err := checkText(short(name), value); err != nil {
				return err
			}
		}
	}
	for _, p := range params {
		// Huma takes it for absent, and a list would come out unfiltered.
		if anyText := p.Schema.Type == huma.TypeString && p.Schema.Enum == nil; p.In == "query" && !anyText && query.Has(p.Name) && query.Get(p.Name) == "" {
			return invalid(p.Name, "must not be empty; leave it out instead")
		}
	}
	return nil
}

// strictBody reads the body, checks it and puts it back for the decoder.
func strictBody(w http.ResponseWriter, r *http.Request, required bool) error {
	if declared := r.Header.Get("Content-Type"); declared != "" {
		media, _, err := mime.ParseMediaType(declared)
		if err != nil || !isJSON(media) {
			return &apiError{status: http.StatusUnsupportedMediaType, code: "unsupported_media_type", field: "Content-Type", message: "must be application/json"}
		}
	}
	// Where there is no deadline to set, the server's own holds.
	control := http.NewResponseController(w)
	_ = control.SetReadDeadline(time.Now().Add(bodyTimeout))
	raw, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxJSON))
	if err == nil {
		// A handler that takes longer would be broken off: the server takes the
		// deadline for the end of the client. After an error it stays, because
		// the server tries to read the rest before it answers.
		_ = control.SetReadDeadline(time.Time{})
	}
	if _, tooLarge := asError[*http.MaxBytesError](err); tooLarge {
		return bodyTooLarge(maxJSON)
	} else if errors.Is(err, os.ErrDeadlineExceeded) {
		return &apiError{status: http.StatusRequestTimeout, code: "body_timeout", field: "body",
			message: fmt.Sprintf("did not arrive within %d seconds", bodyTimeout/time.Second)}
	} else if err != nil {
		return errBrokeOff
	}
	switch {
	case len(raw) == 0 && required:
		return invalid("body", "must be a JSON object")
	case len(raw) > 0:
		if err := checkJSON(raw); err != nil {
			return err
		}
		wholeNumbers(raw)
	}
	r.Body = io.NopCloser(bytes.NewReader(raw))
	return nil
}

// wholeNumbers writes 5.0 as 5 where a request's own members are numbers: to
// JSON they are the same, and clients whose only numbers are floating point send
// them, but the decoder wants an int to look like one.
func wholeNumbers(raw []byte) {
	_ = eachMember(raw, func(_ string, value json.RawMessage) error { // fails if it is no object, which is told elsewhere
		digits, fraction, _ := bytes.Cut(value, []byte("."))
		if value[0] != '"' && len(fraction) > 0 && len(bytes.Trim(fraction, "0")) == 0 {
			for i := len(digits); i < len(value); i++ {
				value[i] = ' '
			}
		}
		return nil
	})
}

// checkJSON refuses JSON that is no single value, is nested too deeply, has a
// member twice or text that [checkText] refuses. The error names the place.
func checkJSON(raw []byte) error {
	if !utf8.Valid(raw) {
		return invalid("body", "is not valid UTF-8")
	}
	if !json.Valid(raw) { // more at the end included
		return notJSON(raw)
	}
	if err := checkEscapes(raw); err != nil {
		return err
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	return checkValue(d, nil, 0)
}

// halfPair finds an escape that may be half of a character beyond U+FFFF, or a
// backslash that is none, so that what follows it is not taken for an escape.
var halfPair = regexp.MustCompile(`(?i)\\\\|\\ud[89ab]..\\ud[c-f]..|\\ud[89a-f]..`)

// checkEscapes refuses half a character, which decoders turn into U+FFFD: a client
// that cuts a text in the middle of one would get another text than it has sent.
// The JSON is known to be valid.
func checkEscapes(raw []byte) error {
	if !bytes.Contains(raw, []byte(`\u`)) {
		return nil
	}
	for _, escape := range halfPair.FindAll(raw, -1) {
		if len(escape) == len(`\ud83d`) {
			return invalid("body", "has half a character: %s without the other half", escape)
		}
	}
	return nil
}

// checkValue checks the next value of JSON that is known to be valid.
func checkValue(d *json.Decoder, at *place, depth int) error {
	token, err := d.Token()
	if err != nil {
		return invalid("body", "is not valid JSON")
	}
	if s, ok := token.(string); ok {
		if fault := faultOfText(s); fault != "" {
			return invalid(at.String(), "%s", fault)
		}
	}
	open, ok := token.(json.Delim)
	if !ok {
		return nil
	}
	if depth == maxDepth {
		return invalid(at.String(), "is nested deeper than %d levels", maxDepth)
	}
	seen := map[string]struct{}{}
	for i := 0; d.More(); i++ {
		in := &place{parent: at, index: i}
		if open == '{' {
			token, _ := d.Token()
			in.name = token.(string)
			if _, twice := seen[in.name]; twice {
				return invalid(in.String(), "is given twice")
			}
			seen[in.name] = struct{}{}
			if fault := faultOfText(in.name); fault != "" {
				return invalid(at.String(), "has a member whose name %s", fault)
			}
		}
		if err := checkValue(d, in, depth+1); err != nil {
			return err
		}
	}
	_, err = d.Token() // the closing bracket
	return err
}

// place is where a value stands. It is written out only for an error, because
// names may be long and many.
type place struct {
	parent *place // nil for the body itself
	name   string // of a member; "" for an entry of a list
	index  int
}

// String writes a place as in filter.keys[2].
func (p *place) String() string {
	switch {
	case p == nil:
		return "body"
	case p.name == "" && p.parent == nil:
		return "[" + strconv.Itoa(p.index) + "]"
	case p.name == "":
		return p.parent.String() + "[" + strconv.Itoa(p.index) + "]"
	case p.parent == nil:
		return short(p.name)
	}
	return p.parent.String() + "." + short(p.name)
}

// checkText refuses characters that have no place in a text of a request:
// control characters but line breaks and tabs, and those that turn the direction
// of writing, with which a text reads otherwise than it is stored.
func checkText(field, value string) error {
	if fault := faultOfText(value); fault != "" {
		return invalid(field, "%s", fault)
	}
	return nil
}

// faultOfText says what is wrong with a text, "" for nothing.
func faultOfText(value string) string {
	for i, r := range value {
		switch {
		case r < ' ' && r != '\n' && r != '\r' && r != '\t', r >= 0x7f && r < 0xa0:
			return fmt.Sprintf("must not contain control characters other than line breaks and tabs; there is U+%04X at byte %d", r, i)
		case r > 0xa0 && unicode.Is(unicode.Bidi_Control, r):
			return fmt.Sprintf("must not contain characters that change the direction of writing; there is U+%04X at byte %d", r, i)
		case r == utf8.RuneError && !utf8.ValidString(value[i:]):
			return "is not valid UTF-8"
		}
	}
	return ""
}

// unmarshal decodes a body that is checked already. The error begins with the
// place of the fault, which [newProblem] looks for.
func unmarshal(data []byte, v any) error {
	err := json.Unmarshal(data, v)
	if wrong, ok := asError[*json.UnmarshalTypeError](err); ok && wrong.Field != "" {
		// Embedded structs are in there under their Go names; ours are in lower case.
		names := slices.DeleteFunc(strings.Split(wrong.Field, "."), func(name string) bool { return name != strings.ToLower(name) })
		return errors.New(strings.Join(names, ".") + ": has the wrong type or is out of range")
	} else if err != nil {
		return errors.New("has a value of the wrong type")
	}
	return nil
}
