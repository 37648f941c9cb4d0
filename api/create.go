package api

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/jimeng-gateway/jimeng-gateway/queue"
	"github.com/jimeng-gateway/jimeng-gateway/store"
	"github.com/jimeng-gateway/jimeng-gateway/upstream"
)

// kindOfField is how a field of a create request is read, from JSON and from a
// form alike.
type kindOfField int

const (
	ignored     kindOfField = iota // clients send all sorts of extras
	text                           // a string
	number                         // a whole number; in a form, its digits
	fraction                       // a number; in a form, its digits
	boolean                        // true or false; in a form, the word
	inputs                         // materials; in a form, files or strings, and the field repeats
	unsupported                    // would be dropped silently otherwise, and the client would wait for it
)

// fieldsOf is the fields of a create request, by name.
type fieldsOf map[string]kindOfField

var (
	videoFields = fieldsOf{
		"model": text, "prompt": text, "ratio": text, "resolution": text, "response_format": text,
		"duration": number, "priority": number, "start_timeout": number, "timeout": number,
		"files": inputs, "file_paths": inputs, "filePaths": inputs,
		"size": unsupported, "width": unsupported, "height": unsupported,
		"webhook_url": unsupported, "webhook_secret": unsupported,
	}
	imageFields = fieldsOf{
		"model": text, "prompt": text, "ratio": text, "resolution": text, "response_format": text, "size": text, "negative_prompt": text,
		"n": number, "priority": number, "start_timeout": number, "timeout": number,
		"sample_strength": fraction, "intelligent_ratio": boolean,
		"files": inputs, "file_paths": inputs, "filePaths": inputs, "images": inputs, "image": inputs,
		"width": unsupported, "height": unsupported,
		"webhook_url": unsupported, "webhook_secret": unsupported,
	}
	taskFields = fieldsOf{
		"kind": text, "model": text, "prompt": text, "ratio": text, "resolution": text, "negative_prompt": text,
		"duration": number, "priority": number, "start_timeout": number, "timeout": number,
		"sample_strength": fraction, "intelligent_ratio": boolean,
		"files": inputs, "file_paths": inputs, "filePaths": inputs,
		"size": unsupported, "width": unsupported, "height": unsupported,
		"webhook_url": unsupported, "webhook_secret": unsupported,
	}
)

// refusals say what to do instead.
var refusals = map[string]string{
	"size":           "is not supported, use ratio and resolution",
	"width":          "is not supported, use ratio and resolution",
	"height":         "is not supported, use ratio and resolution",
	"webhook_url":    "webhooks are not supported yet, follow the task at its poll_url",
	"webhook_secret": "webhooks are not supported yet, follow the task at its poll_url",
}

const (
	maxDuration = 3600             // seconds; the model says what it can do, this only keeps nonsense out
	maxTimeout  = 7 * 24 * 60 * 60 // seconds; the configuration caps it further
	maxPriority = 100
	maxText     = 64 << 10 // bytes of a prompt, and of any text field of a form
	maxWord     = 100      // bytes of a model, ratio or resolution
	maxInputs   = 64       // entries of one field; the model says how many it takes
)

// create is a request for a task while it is read.
type create struct {
	api    *api
	fields fieldsOf
	task   queue.NewTask
	intake intake             // the files that came with the request
	inputs map[string][]input // by field
	n      int                // images of the answer, 0 for all
	size   string
	format string // of the answer that waits: "", "url" or "b64_json"
	seen   map[string]struct{}

	composes bool // images from images, which must be there

	// An estimate stores nothing, goes on after a fault, and takes a material's
	// kind for the material.
	estimates bool
	faults    []error
	assumed   []store.Material
}

func (a *api) newCreate(fields fieldsOf, kind upstream.MediaKind) *create {
	return &create{api: a, fields: fields, intake: intake{api: a}, task: queue.NewTask{Kind: kind}}
}

// once refuses a field that is given twice, because it would be anybody's guess
// which one is meant.
func (c *create) once(name string) error {
	if c.seen == nil {
		c.seen = make(map[string]struct{}, 8)
	}
	if _, twice := c.seen[name]; twice {
		if name == "" {
			return invalid("body", "has a member without a name, twice")
		}
		return invalid(short(name), "is given twice")
	}
	c.seen[name] = struct{}{}
	return nil
}

// short cuts a name of the client's own making before it is sent back.
func short(name string) string {
	const most = 40
	name = strings.ToValidUTF8(name, "?")
	if runes := []rune(name); len(runes) > most {
		return string(runes[:most]) + "…"
	}
	return name
}

func (c *create) setText(name, value string) error {
	value, err := cleanText(name, value)
	if err != nil {
		return err
	}
	most := maxWord
	if name == "prompt" || name == "negative_prompt" {
		most = maxText
	} else {
		value = strings.TrimSpace(value)
	}
	if len(value) > most {
		return invalid(name, "has %d bytes, at most %d are possible", len(value), most)
	}
	switch name {
	case "prompt":
		c.task.Prompt = value
	case "model":
		c.task.Model = value
	case "ratio":
		c.task.Ratio = value
	case "resolution":
		c.task.Resolution = value
	case "size":
		c.size = value
	case "negative_prompt":
		if value != "" {
			c.option(name, value)
		}
	case "kind":
		if value != "" && value != string(upstream.Video) && value != string(upstream.Image) {
			return invalid(name, "must be video or image")
		}
		c.task.Kind = upstream.MediaKind(value)
	case "response_format":
		if value != "" && value != formatURL && value != formatBase64 {
			return invalid(name, "must be url or b64_json")
		}
		c.format = value
	}
	return nil
}

// cleanText refuses what people do not see and programs stumble over: control
// characters, and those that turn the direction of a text around. Line breaks of
// forms become plain ones.
func cleanText(name, value string) (string, error) {
	if !utf8.ValidString(value) {
		return "", invalid(name, "is not valid UTF-8")
	}
	if strings.IndexByte(value, '\r') >= 0 {
		value = strings.ReplaceAll(value, "\r\n", "\n")
	}
	for _, r := range value {
		switch {
		case r == '\n' || r == '\t' || r >= ' ' && r < 0x7f:
		case r == 0:
			return "", invalid(name, "must not contain the character NUL")
		case unicode.IsControl(r):
			return "", invalid(name, "must not contain control characters other than line breaks and tabs (there is a U+%04X)", r)
		case r >= 0x202a && r <= 0x202e, r >= 0x2066 && r <= 0x2069:
			return "", invalid(name, "must not contain characters that turn the direction of the text around (there is a U+%04X)", r)
		}
	}
	return value, nil
}

// option sets a further parameter for the upstream.
func (c *create) option(name string, value any) {
	if c.task.Options == nil {
		c.task.Options = map[string]any{}
	}
	c.task.Options[name] = value
}

// setNumber takes the digits of a number. JSON clients whose only numbers are
// floating point send 5 as 5.0, which is whole.
func (c *create) setNumber(name, digits string) error {
	value, ok := decimal(digits)
	if !ok || value != float64(int64(value)) {
		if name == "priority" || name == "n" {
			return invalid(name, "must be a whole number")
		}
		return invalid(name, "must be a whole number of seconds")
	}
	least, most := 1, maxTimeout
	switch name {
	case "duration":
		most = maxDuration
	case "priority":
		least, most = -maxPriority, maxPriority
	case "n":
		most = imagesPerTask
	}
	if value < float64(least) || value > float64(most) {
		return invalid(name, "must be between %d and %d", least, most)
	}
	switch name {
	case "duration":
		c.task.Duration = int(value)
	case "priority":
		c.task.Priority = int(value)
	case "start_timeout":
		c.task.StartDeadline = time.Duration(value) * time.Second
	case "timeout":
		c.task.Deadline = time.Duration(value) * time.Second
	case "n":
		c.n = int(value)
	}
	return nil
}

// decimal reads a number as people and JSON write it. Go also knows 1_0 and 0x1p4,
// and a form would have them taken for 10 and 16.
func decimal(digits string) (float64, bool) {
	value, err := strconv.ParseFloat(digits, 64)
	return value, err == nil && strings.Trim(digits, "0123456789+-.eE") == ""
}

// setFraction takes the digits of sample_strength, the only such field.
func (c *create) setFraction(name, digits string) error {
	value, ok := decimal(digits)
	if !ok || value < 0 || value > 1 {
		return invalid(name, "must be a number between 0 and 1")
	}
	c.option(name, value)
	return nil
}

func (c *create) setBoolean(name, word string) error {
	if word != "true" && word != "false" {
		return invalid(name, "must be true or false")
	}
	c.option(name, word == "true")
	return nil
}

// stockRatio is what the earlier gateway asked for when the client did not say.
const stockRatio = "9:16"

func (a *api) defaultRatio(model string) string {
	if m := a.Queue.Model(model); m != nil && slices.Contains(m.Ratios, stockRatio) {
		return stockRatio
	}
	return ""
}

// checkModel refuses an unknown model with the queue's own words.
func (c *create) checkModel(ctx context.Context) error {
	name := c.task.Model
	if name == "" || c.api.Queue.Model(name) != nil {
		return nil
	}
	kind := c.task.Kind
	if kind == "" {
		kind = upstream.Video
	}
	return c.api.Queue.Check(&queue.NewTask{Key: callerOf(ctx).Key, Kind: kind, Model: name, Prompt: "x"})
}

// tooManyFiles is the answer to more materials than a request may have.
func tooManyFiles(field string, most int, of string) *apiError {
	return &apiError{status: 413, code: "too_many_files", field: field,
		message: fmt.Sprintf("are too many, at most %d%s are possible in one request", most, of)}
}
