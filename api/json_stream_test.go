package api

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/jimeng-gateway/jimeng-gateway/blob"
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
	picture := []byte("GIF89a\x01\x00\x01\x00\x00\x00\x00;")
	f.Add(`{"files":[{"data":"`, base64.StdEncoding.EncodeToString(picture), `"}],"prompt":"a"}`)
	f.Add(`{"file_paths":["data:image/gif;base64,`, strings.ReplaceAll(base64.StdEncoding.EncodeToString(picture), "/", `\/`), `","mat_1"]}`)
	f.Add(`{"files":[{"data":"data:;base64,`, `\u0052`+base64.StdEncoding.EncodeToString(picture)[1:], `"}]}`)
	f.Add(`{"x":"`, "not a file at all", `"}`)
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
	})
}
