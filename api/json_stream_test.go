package api

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/jimeng-gateway/jimeng-gateway/blob"
	"github.com/jimeng-gateway/jimeng-gateway/upstream"
)

// Whatever has no file in it passes as it came, valid or not; only nesting and
// size stop it.
func FuzzJSONStream(f *testing.F) {
	for _, seed := range []string{
		`{"prompt":"a","duration":5,"files":[{"data":"x","b":"\""}],"n":-1.5e3}`, `{"a\"b":"\\\\","c" : [true,null,{"x":"]}"}]}`,
		`[[[[`, `}]},`, `{"a" "b"`, `"`, `"abcdef\`, `{"a":"` + strings.Repeat("x", 100), "{\"\xff\":\"\x01\"}", strings.Repeat("[", 40),
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		a := standalone(t, nil)
		in := &intake{api: a}
		stream := newJSONStream(iotest.OneByteReader(bytes.NewReader(body)), in, func(string) bool { return false })
		stream.long = 8
		err := stream.run(t.Context())
		if err != nil {
			if e := explain(err); e.status != 400 && e.status != 413 || json.Valid(body) && bytes.Count(body, []byte("["))+bytes.Count(body, []byte("{")) <= maxDepth {
				t.Errorf("%q: %v", body, err)
			}
			return
		}
		if !bytes.Equal(stream.out.Bytes(), body) {
			t.Errorf("%q became %q", body, stream.out.Bytes())
		}
	})
}

// However a text with files is made of, what is stored is what a decoder of JSON
// and base64 finds there, and the rest stays valid.
func FuzzFilesInStream(f *testing.F) {
	picture := []byte("GIF89a\x01\x00\x01\x00\x80\x00\x00\x00\x00\x00\xff\xff\xff,\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x02D\x01\x00;")
	f.Add(`{"files":[{"data":"`, base64.StdEncoding.EncodeToString(picture), `"}],"prompt":"a"}`)
	f.Add(`{"file_paths":["data:image/gif;base64,`, strings.ReplaceAll(base64.StdEncoding.EncodeToString(picture), "/", `\/`), `","mat_1"]}`)
	f.Add(`{"files":[{"data":"data:;base64,`, `\u0052`+base64.StdEncoding.EncodeToString(picture)[1:], `"}]}`)
	f.Add(`{"x":"`, "not a file at all", `"}`)
	f.Add(`{"prompt":"a long text","files":[{"filename":"a.gif","mime_type":"image/gif","data":"`, base64.StdEncoding.EncodeToString(picture), `"}],"file_paths":["mat_1"]}`)
	dir := f.TempDir()
	disk, err := blob.OpenDisk(dir)
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { _ = disk.Close() })
	f.Fuzz(func(t *testing.T, before, file, after string) {
		body := before + file + after
		a := standalone(t, disk)
		in := &intake{api: a}
		stream := newJSONStream(strings.NewReader(body), in, func(field string) bool { return videoFields[field] == inputs })
		stream.long = 8
		err := stream.run(t.Context())
		defer in.close(t.Context(), errors.New("refused"), nil)
		if err != nil {
			if e := explain(err); e.status != 400 && e.status != 413 {
				t.Errorf("%q: %v", body, err)
			}
			return
		}
		if json.Valid([]byte(body)) != json.Valid(stream.out.Bytes()) {
			t.Errorf("%q is valid: %v, %q: %v", body, json.Valid([]byte(body)), stream.out.Bytes(), json.Valid(stream.out.Bytes()))
		}
		left, _ := os.ReadDir(filepath.Join(dir, ".tmp"))
		if len(left) != len(in.files) {
			t.Errorf("%q: %d files, %d staged", body, len(left), len(in.files))
		}
		streamed, whole := a.newCreate(videoFields, upstream.Video), a.newCreate(videoFields, upstream.Video)
		streamed.intake = *in
		in.files = nil // streamed has them now
		defer streamed.intake.close(t.Context(), errors.New("refused"), nil)
		defer whole.intake.close(t.Context(), errors.New("refused"), nil)
		err, wholeErr := streamed.parseJSON(t.Context(), stream.out.Bytes()), whole.parseJSON(t.Context(), []byte(body))
		if (err == nil) != (wholeErr == nil) {
			t.Errorf("%q: %v, and read at once: %v", body, err, wholeErr)
		}
		if err != nil || wholeErr != nil {
			return
		}
		if !reflect.DeepEqual(streamed.task, whole.task) {
			t.Errorf("%q: %+v, and read at once: %+v", body, streamed.task, whole.task)
		}
		for name, list := range whole.inputs {
			if len(streamed.inputs[name]) != len(list) {
				t.Fatalf("%q: %d %s, and read at once %d", body, len(streamed.inputs[name]), name, len(list))
			}
			for i, want := range list {
				got := streamed.inputs[name][i]
				if got.url != want.url || got.id != want.id || got.field != want.field || (got.file == nil) != (want.file == nil) ||
					got.file != nil && (got.file.SHA256 != want.file.SHA256 || got.file.Name != want.file.Name || got.file.Size != want.file.Size) {
					t.Errorf("%q: %+v, and read at once %+v", body, got, want)
				}
			}
		}
	})
}
