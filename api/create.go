package api

import (
	"net/url"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"
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
	urls                           // a list of strings; in a form, the field repeats
	files                          // file parts of a form
	unsupported                    // would be dropped silently otherwise, and the client would wait for it
)

var createFields = map[string]kindOfField{
	"model": text, "prompt": text, "ratio": text, "resolution": text,
	"duration": number, "priority": number, "start_timeout": number, "timeout": number,
	"file_paths": urls, "filePaths": urls,
	"files": files,
	"size":  unsupported, "width": unsupported, "height": unsupported,
	"webhook_url": unsupported, "webhook_secret": unsupported,
}

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
	maxWord     = 100  // bytes of a model, ratio or resolution
	maxURL      = 8192 // bytes; signed links of object stores are long
	maxURLs     = 64   // the model says how many it takes
)

// create is a request for a video while it is read.
type create struct {
	task      queue.NewTask
	filePaths []string // file_paths
	camel     []string // filePaths, which wins when both are there, as upstream
	files     []store.Material
	seen      map[string]struct{}
}

// once refuses a field that is given twice, because it would be anybody's guess
// which one is meant.
func (c *create) once(name string) error {
	if c.seen == nil {
		c.seen = make(map[string]struct{}, 8)
	}
	if _, twice := c.seen[name]; twice {
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
	if !utf8.ValidString(value) {
		return invalid(name, "is not valid UTF-8")
	}
	if strings.IndexByte(value, 0) >= 0 {
		return invalid(name, "must not contain the character NUL")
	}
	if name == "prompt" {
		if len(value) > maxText {
			return invalid(name, "has %d bytes, at most %d are possible", len(value), maxText)
		}
		c.task.Prompt = value
		return nil
	}
	value = strings.TrimSpace(value)
	if len(value) > maxWord {
		return invalid(name, "has %d bytes, at most %d are possible", len(value), maxWord)
	}
	switch name {
	case "model":
		c.task.Model = value
	case "ratio":
		c.task.Ratio = value
	case "resolution":
		c.task.Resolution = value
	}
	return nil
}

// setNumber takes the digits of a number. JSON clients whose only numbers are
// floating point send 5 as 5.0, which is whole.
func (c *create) setNumber(name, digits string) error {
	value, err := strconv.ParseFloat(digits, 64)
	if err != nil || value != float64(int64(value)) {
		if name == "priority" {
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
	}
	return nil
}

func (c *create) addURL(name, value string) error {
	list := &c.filePaths
	if name == "filePaths" {
		list = &c.camel
	}
	if len(*list) == maxURLs {
		return invalid(name, "has more than %d entries", maxURLs)
	}
	*list = append(*list, value)
	return nil
}

// finish checks what needs the whole request and applies the dialect's defaults.
func (c *create) finish(a *api) (*queue.NewTask, error) {
	t := &c.task
	if t.Model == "" {
		t.Model = a.DefaultModel
	}
	name, list := "file_paths", c.filePaths
	if len(c.camel) > 0 {
		name, list = "filePaths", c.camel
	}
	if len(c.files) > 0 && len(list) > 0 {
		return nil, invalid(name, "cannot be used together with files: send all materials as files or all as URLs")
	}
	t.Materials = c.files
	for _, address := range list {
		material, err := urlMaterial(name, address)
		if err != nil {
			return nil, err
		}
		t.Materials = append(t.Materials, material)
	}
	t.Kind = upstream.Video
	if t.Ratio == "" {
		t.Ratio = a.defaultRatio(t.Model)
	}
	return t, nil
}

// stockRatio is what the earlier gateway asked for when the client did not say.
const stockRatio = "9:16"

func (a *api) defaultRatio(model string) string {
	if m := a.Queue.Model(model); m != nil && slices.Contains(m.Ratios, stockRatio) {
		return stockRatio
	}
	return ""
}

// urlMaterial is a material that the upstream fetches itself; the gateway never
// dials the address.
func urlMaterial(field, address string) (store.Material, error) {
	if strings.HasPrefix(address, "data:") {
		return store.Material{}, invalid(field, "must be http or https URLs; send file content as multipart/form-data")
	}
	if len(address) > maxURL {
		return store.Material{}, invalid(field, "has a URL of %d bytes, at most %d are possible", len(address), maxURL)
	}
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || strings.ContainsFunc(address, notInURL) {
		return store.Material{}, invalid(field, "must be http or https URLs")
	}
	if u.User != nil { // it would be stored and shown in clear
		return store.Material{}, invalid(field, "must not contain a user name or password in a URL")
	}
	return store.Material{Kind: string(kindByExtension(u.Path)), URL: address}, nil
}

func notInURL(r rune) bool { return r <= ' ' || r == 0x7f || r == utf8.RuneError }

// kindByExtension follows the upstream, which takes anything unknown for an
// image.
func kindByExtension(name string) upstream.MediaKind {
	switch strings.ToLower(path.Ext(name)) {
	case ".mp4", ".mov", ".m4v":
		return upstream.Video
	case ".mp3", ".wav":
		return upstream.Audio
	default:
		return upstream.Image
	}
}
