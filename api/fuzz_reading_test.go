package api

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"math"
	"mime"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/textproto"
	"net/url"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/jimeng-gateway/jimeng-gateway/auth"
	"github.com/jimeng-gateway/jimeng-gateway/blob"
	"github.com/jimeng-gateway/jimeng-gateway/store"
	"github.com/jimeng-gateway/jimeng-gateway/upstream"
)

// clientsFault fails unless the error is one that a client can mend.
func clientsFault(t *testing.T, input any, err error) {
	t.Helper()
	if e := explain(err); e.status/100 != 4 || e.code == "" || e.message == "" || !utf8.ValidString(e.Error()) || len(e.Error()) > 1000 {
		t.Errorf("%q: %d %s %v", input, e.status, e.code, e)
	}
}

// A field means the same in a form and in JSON: both are refused, or both give
// the same request.
func FuzzFormIsJSON(f *testing.F) {
	f.Add("prompt", "a paper boat, @1 turns\r\nslowly 慢")
	f.Add("duration", "5")
	f.Add("duration", "0x1p2")
	f.Add("n", "-0.0e+1")
	f.Add("priority", "-100")
	f.Add("sample_strength", ".5")
	f.Add("intelligent_ratio", "true")
	f.Add("ratio", " 16:9 ")
	f.Add("response_format", "b64_json")
	f.Add("kind", "video")
	f.Add("file_paths", "https://a.example/boat.png")
	f.Add("file_paths", "https://a.example/\u202egnp.exe")
	f.Add("webhook_url", "https://a.example")
	f.Add("size", "1024x1024")
	a := standalone(f, nil)
	f.Fuzz(func(t *testing.T, name, value string) {
		if name == "model" {
			t.Skip("a model is checked by the queue, which is not here")
		}
		for _, fields := range []fieldsOf{videoFields, imageFields, taskFields} {
			kind := fields[name]
			if kind == ignored || kind == unsupported && strings.TrimSpace(value) == "" {
				continue
			}
			if kind == inputs {
				value = strings.TrimSpace(value)
			}
			member, _ := json.Marshal(value)
			switch kind {
			case number, fraction, boolean:
				if member = []byte(strings.TrimSpace(value)); len(member) == 0 {
					member = []byte("null")
				}
			case inputs:
				if value == "" || value[0] == '[' || !utf8.ValidString(value) || strings.HasPrefix(value, "data:") ||
					name == "files" && !strings.HasPrefix(value, materialID) {
					continue // has no counterpart
				}
				member = []byte("[" + string(member) + "]")
			}
			var form bytes.Buffer
			w := multipart.NewWriter(&form)
			if err := errors.Join(w.WriteField(name, value), w.Close()); err != nil {
				t.Fatal(err)
			}
			r := httptest.NewRequest("POST", "/", &form)
			r.Header.Set("Content-Type", w.FormDataContentType())
			asForm := a.newCreate(fields, upstream.Video)
			formErr := asForm.parseForm(httptest.NewRecorder(), r)
			if !utf8.ValidString(value) {
				if formErr == nil {
					t.Errorf("%s: %q was accepted", name, value)
				}
				continue
			}
			asJSON := a.newCreate(fields, upstream.Video)
			jsonErr := asJSON.parseJSON(t.Context(), []byte(`{"`+name+`":`+string(member)+`}`))
			for _, err := range []error{formErr, jsonErr} {
				if err != nil {
					clientsFault(t, name+"="+value, err)
				}
			}
			if (formErr == nil) != (jsonErr == nil) {
				if jsonErr != nil && explain(jsonErr).field == "body" && kind != text {
					continue // no number of JSON; what a form may have besides is seen below
				}
				t.Errorf("%s=%q: %v in a form, %v in JSON", name, value, formErr, jsonErr)
			}
			if formErr != nil || jsonErr != nil {
				continue
			}
			for i := range asForm.inputs[name] {
				asForm.inputs[name][i].field = asJSON.inputs[name][i].field
			}
			if !reflect.DeepEqual(asForm.task, asJSON.task) || asForm.n != asJSON.n || asForm.size != asJSON.size || asForm.format != asJSON.format || !reflect.DeepEqual(asForm.inputs, asJSON.inputs) {
				t.Errorf("%s=%q: %+v in a form, %+v in JSON", name, value, asForm.task, asJSON.task)
			}
		}
	})
}

// Numbers are decimal, and what is taken is what was written.
func FuzzNumbers(f *testing.F) {
	for _, seed := range []string{"5", "5.0", "1e1", "-0", "0x10", "0x1p4", "1_0", "+5", "NaN", "Infinity", "1e400", "1e-400", "९", "5 ", "9223372036854775808"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, digits string) {
		c := standalone(t, nil).newCreate(imageFields, "")
		c.n, c.task.Priority = -1, math.MaxInt
		for _, name := range []string{"n", "priority", "timeout", "start_timeout"} {
			if err := c.setNumber(name, digits); err != nil {
				clientsFault(t, digits, err)
				continue
			}
			want, ok := asPeople(digits)
			got := map[string]int{"n": c.n, "priority": c.task.Priority, "timeout": int(c.task.Deadline / time.Second), "start_timeout": int(c.task.StartDeadline / time.Second)}[name]
			if !ok || float64(got) != want {
				t.Errorf("%s=%q became %d", name, digits, got)
			}
		}
		if err := c.setFraction("sample_strength", digits); err != nil {
			clientsFault(t, digits, err)
		} else if want, ok := asPeople(digits); !ok || c.task.Options["sample_strength"] != want || want < 0 || want > 1 {
			t.Errorf("%q became %v", digits, c.task.Options)
		}
	})
}

// asPeople reads a number as people write it.
func asPeople(digits string) (float64, bool) {
	n, err := strconv.ParseFloat(digits, 64)
	return n, err == nil && strings.Trim(digits, "0123456789.eE+-") == ""
}

// The body of a native operation that passes is valid, and rewriting whole
// numbers changes none.
func FuzzStrictJSON(f *testing.F) {
	for _, seed := range []string{`{"a":5.0,"b":[1.0,{"c":5.00}],"d":"5.0"}`, `{"a":-0.0,"b":1.0e5}`, `{"a":"\ud83d\ude00\\ud83d"}`, `{"a":1,"\u0061":2}`, `5.0`, `[5.0]`, `{"a":"\u202e"}`, `{"a":5.0 }`, "{\"a\":5.0\n}"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		if err := checkJSON(raw); err != nil {
			if e := explain(err); e.status != 400 || e.field == "" || !utf8.ValidString(e.Error()) || len(e.Error()) > 4000 {
				t.Errorf("%q: %+v", raw, e)
			}
			return
		}
		var before, after any
		if err := json.Unmarshal(raw, &before); err != nil {
			t.Skip("a number that no float holds")
		}
		wholeNumbers(raw)
		if err := json.Unmarshal(raw, &after); err != nil || !reflect.DeepEqual(before, after) {
			t.Errorf("%v became %v: %v", before, after, err)
		}
	})
}

// A page goes on where its cursor says, for whom it was made, and nowhere else.
func FuzzCursor(f *testing.F) {
	filter := &store.TaskFilter{Text: "boat", Statuses: []store.Status{store.Queued}}
	f.Add(cursor("01k0c9v6w1x8e5z4y3t2s1r0q9", "key", filter), "01k0c9v6w1x8e5z4y3t2s1r0q9", "key", "boat")
	f.Add("", "\x00\xff", "", "\n")
	f.Fuzz(func(t *testing.T, text, id, owner, q string) {
		filter := &store.TaskFilter{Text: q, Statuses: []store.Status{store.Queued}}
		if storable(id) && id != "" && storable(q) && storable(owner) {
			made := cursor(id, owner, filter)
			if got, err := readCursor(made, owner, filter); err != nil || got != id {
				t.Errorf("%q became %q, %v", id, got, err)
			}
			other := *filter
			other.Text += "x"
			if _, err := readCursor(made, owner, &other); err == nil {
				t.Errorf("the cursor of %q fits another filter", id)
			}
			if _, err := readCursor(made, owner+"x", filter); err == nil {
				t.Errorf("the cursor of %q fits another key", id)
			}
		}
		got, err := readCursor(text, owner, filter)
		if err != nil {
			clientsFault(t, text, err)
		} else if text != "" {
			if again, err := readCursor(cursor(got, owner, filter), owner, filter); err != nil || again != got || !storable(got) {
				t.Errorf("%q leads to %q, and that to %q, %v", text, got, again, err)
			}
		}
	})
}

func FuzzHeaders(f *testing.F) {
	f.Add("42", "wait=30, respond-async", "key-1", "10", `multipart/form-data; boundary=x`)
	f.Add("-1", `WAIT = "5" ; x`, "", "99999999999999999999", "application/problem+json")
	f.Add("+7", "wait=4294967296", "é", "0x1", "a/b; charset")
	f.Fuzz(func(t *testing.T, lastEvent, prefer, idempotency, wait, contentType string) {
		r := httptest.NewRequest("POST", "/", nil)
		r.Header["Last-Event-Id"], r.Header["Prefer"], r.Header["Idempotency-Key"] = []string{lastEvent}, []string{prefer}, []string{idempotency}
		r.Header["Content-Type"] = []string{contentType}
		c := &caller{Principal: &auth.Principal{Key: &store.Key{Wait: 7}}}
		r = r.WithContext(contextOf(r, c))
		if seen, resumes, err := lastEventID(r); err != nil {
			clientsFault(t, lastEvent, err)
		} else if seen < 0 || resumes != (lastEvent != "") || strings.Trim(lastEvent, "+-0123456789") != "" {
			t.Errorf("Last-Event-ID %q became %d", lastEvent, seen)
		}
		if key, err := idempotencyKey(r.Header); err != nil {
			clientsFault(t, idempotency, err)
		} else if key != idempotency || key == "" || strings.ContainsFunc(key, func(r rune) bool { return r < ' ' || r > '~' }) {
			t.Errorf("Idempotency-Key %q became %q", idempotency, key)
		}
		if w, err := waitOf(r); err != nil || w.time < 0 || w.time > maxWait {
			t.Errorf("Prefer %q: %v, %v", prefer, w, err)
		}
		r.URL.RawQuery = url.Values{"wait": {wait}}.Encode()
		if w, err := waitOf(r); err != nil {
			clientsFault(t, wait, err)
		} else if w.time < 0 || w.time > maxWait || w.preferred {
			t.Errorf("wait=%q: %v", wait, w)
		}
		if _, err := bodyKind(r); err != nil {
			clientsFault(t, contentType, err)
		}
	})
}

// Whatever a file is called, its name leaves no header broken and leads nowhere.
func FuzzFileName(f *testing.F) {
	for _, seed := range []string{"boat.png", `C:\boats\..\..\"x"; filename=y`, "a\r\nSet-Cookie: x", "ü\u202egnp.exe", "\xff", strings.Repeat("长", 200)} {
		f.Add(seed, "image/png")
	}
	f.Fuzz(func(t *testing.T, name, contentType string) {
		kept := fileName(name)
		if utf8.RuneCountInString(kept) > 100 || strings.ContainsAny(kept, "/\\\r\n\x00") || !utf8.ValidString(kept) || fileName(kept) != kept {
			t.Errorf("%q is kept as %q, and that as %q", name, kept, fileName(kept))
		}
		value := contentDisposition("inline", kept, contentType)
		for _, c := range []byte(value) {
			if c < ' ' || c > '~' {
				t.Errorf("%q gives the header %q", name, value)
			}
		}
		kind, params, err := mime.ParseMediaType(value)
		if err != nil || kind != "inline" || !strings.HasPrefix(params["filename"], kept) {
			t.Errorf("%q gives the header %q: %s %q %v", name, value, kind, params, err)
		}
		if declared := checkDeclared("files", contentType, "image/png"); declared != nil {
			clientsFault(t, contentType, declared)
		}
	})
}

// An address that passes is one that a client of HTTP understands in the same way.
func FuzzAddress(f *testing.F) {
	for _, seed := range []string{"https://a.example/boat.png", "http://①②⑦.⓪.⓪.①/", "http://a@b/", "http://a\\@b/", "http://[::1%25lo]/", "HTTP://A.EXAMPLE:80/?q#f", "https:///x", "http://a.example:99999/", "data:,x", "http://a.example/%zz"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, address string) {
		u, err := checkURL("file_paths[0]", address)
		if err != nil {
			clientsFault(t, address, err)
			return
		}
		r, err := http.NewRequest("GET", address, nil)
		if err != nil || r.URL.Hostname() != u.Hostname() || r.URL.Port() != u.Port() || r.URL.User != nil || r.URL.Scheme != "http" && r.URL.Scheme != "https" || !storable(address) || len(address) > maxURL {
			t.Errorf("%q: %+v, %v", address, u, err)
		}
	})
}

// Every part of a file that a client asks for is that part.
func FuzzRange(f *testing.F) {
	disk, err := blob.OpenDisk(f.TempDir())
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { _ = disk.Close() })
	content := make([]byte, 1000)
	for i := range content {
		content[i] = byte(i * 167)
	}
	if _, err := disk.Put(f.Context(), "artifacts/x/y", bytes.NewReader(content)); err != nil {
		f.Fatal(err)
	}
	for _, seed := range []string{"bytes=0-0", "bytes=-1", "bytes=-0", "bytes=999-", "bytes=5-2", "bytes=0-3,8-11", "bytes=0-,0-,0-", "lines=1-2", "bytes=1 - 2", "bytes=18446744073709551616-", "bytes=-"} {
		f.Add(seed, "", "", "", true)
		f.Add(seed, `"sum"`, "", "", true)
		f.Add(seed, "Mon, 02 Jan 2006 15:04:05 GMT", `W/"sum"`, "*", false)
	}
	a := standalone(f, disk)
	f.Fuzz(func(t *testing.T, ranges, ifRange, ifNoneMatch, ifMatch string, get bool) {
		method := http.MethodHead
		if get {
			method = http.MethodGet
		}
		r := httptest.NewRequest(method, "/", nil)
		for name, value := range map[string]string{"Range": ranges, "If-Range": ifRange, "If-None-Match": ifNoneMatch, "If-Match": ifMatch} {
			if value != "" {
				r.Header[name] = []string{value}
			}
		}
		w := httptest.NewRecorder()
		a.serveFile(w, r, storedFile{blob: "artifacts/x/y", contentType: "video/mp4", etag: "sum", name: "x", expires: time.Now().Add(time.Hour)})
		res := w.Result()
		body, err := io.ReadAll(res.Body)
		if err != nil {
			t.Fatal(err)
		}
		switch res.StatusCode {
		case http.StatusOK:
			if get && !bytes.Equal(body, content) || res.Header.Get("Content-Length") != "1000" {
				t.Errorf("%q: %d bytes, %v", ranges, len(body), res.Header)
			}
		case http.StatusPartialContent:
			// Several ranges cost more than the whole only by what is between them.
			if len(body) > 2*len(content)+200*strings.Count(ranges, ",") {
				t.Errorf("%q: %d bytes", ranges, len(body))
			}
			if kind, params, _ := mime.ParseMediaType(res.Header.Get("Content-Type")); get && kind == "multipart/byteranges" {
				parts := multipart.NewReader(bytes.NewReader(body), params["boundary"])
				for {
					part, err := parts.NextPart()
					if err == io.EOF {
						break
					} else if err != nil {
						t.Fatalf("%q: %v", ranges, err)
					}
					piece, err := io.ReadAll(part)
					if err != nil {
						t.Fatal(err)
					}
					isPiece(t, ranges, http.Header(part.Header), piece, content)
				}
			} else if get {
				isPiece(t, ranges, res.Header, body, content)
			}
		case http.StatusRequestedRangeNotSatisfiable, http.StatusNotModified, http.StatusPreconditionFailed:
			if len(body) > 200 {
				t.Errorf("%q: %s with %d bytes", ranges, res.Status, len(body))
			}
		default:
			t.Errorf("%q: %s", ranges, res.Status)
		}
	})
}

// isPiece fails unless the bytes are those that the header names.
func isPiece(t *testing.T, ranges string, header http.Header, piece, content []byte) {
	t.Helper()
	named := textproto.MIMEHeader(header).Get("Content-Range")
	first, last, _ := strings.Cut(strings.TrimSuffix(strings.TrimPrefix(named, "bytes "), "/1000"), "-")
	from, err1 := strconv.Atoi(first)
	to, err2 := strconv.Atoi(last)
	if err1 != nil || err2 != nil || from < 0 || to >= len(content) || from > to || !bytes.Equal(piece, content[from:to+1]) {
		t.Errorf("%q: %q with %d bytes", ranges, named, len(piece))
	}
}

// contextOf is the request's context with the caller in it.
func contextOf(r *http.Request, c *caller) context.Context {
	return context.WithValue(r.Context(), callerKey{}, c)
}
