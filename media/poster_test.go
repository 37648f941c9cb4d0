package media_test

import (
	"bytes"
	"context"
	"errors"
	"image"
	"image/jpeg"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"testing"

	"github.com/jimeng-gateway/jimeng-gateway/blob"
	"github.com/jimeng-gateway/jimeng-gateway/media"
)

func poster(t *testing.T, path string) image.Image {
	t.Helper()
	var b bytes.Buffer
	if err := media.Poster(t.Context(), path, &b); err != nil {
		t.Fatal(err)
	}
	if info, err := inspect(b.Bytes()); err != nil || info.ContentType != "image/jpeg" {
		t.Errorf("%+v, %v", info, err)
	}
	m, err := jpeg.Decode(&b)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestPosterOfBlob(t *testing.T) {
	t.Parallel()
	needFFmpeg(t)
	disk, err := blob.OpenDisk(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer disk.Close()
	if _, err := disk.Put(t.Context(), "artifacts/a", bytes.NewReader(mp4File(t))); err != nil {
		t.Fatal(err)
	}
	file, err := disk.Open(t.Context(), "artifacts/a")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if m := poster(t, file.(blob.Local).Path()); m.Bounds() != image.Rect(0, 0, 480, 270) {
		t.Errorf("poster %v", m.Bounds())
	}
}

// TestPosterIsNotBlack has a video that begins with a third of a second of black, is
// large, and has its index at the end.
func TestPosterIsNotBlack(t *testing.T) {
	t.Parallel()
	needFFmpeg(t)
	path := ffmpeg(t, "a.mov", "-f", "lavfi", "-i", "color=white:size=1080x1920:rate=25:duration=1.6",
		"-vf", "fade=in:st=0.3:d=0.1", "-preset", "ultrafast")
	m := poster(t, path)
	if m.Bounds() != image.Rect(0, 0, 720, 1280) {
		t.Errorf("poster %v, want 720 x 1280", m.Bounds())
	}
	if r, _, _, _ := m.At(100, 100).RGBA(); r < 0x8000 {
		t.Errorf("brightness %x of %x", r, 0xFFFF)
	}
}

func TestPosterOfOneFrame(t *testing.T) {
	t.Parallel()
	needFFmpeg(t)
	path := ffmpeg(t, "a.mp4", "-f", "lavfi", "-i", "testsrc=size=64x48:rate=1", "-frames:v", "1")
	if m := poster(t, path); m.Bounds() != image.Rect(0, 0, 64, 48) {
		t.Errorf("poster %v", m.Bounds())
	}
}

func TestPosterRefusals(t *testing.T) {
	t.Parallel()
	needFFmpeg(t)
	dir := t.TempDir()
	secret := filepath.Join(dir, "secret.mp4")
	cut := mp4File(t)
	tests := map[string][]byte{
		"secret.mp4": mp4File(t),
		"a list":     []byte("#EXTM3U\n#EXT-X-TARGETDURATION:3\n#EXTINF:3,\nfile://" + secret + "\n#EXT-X-ENDLIST\n"),
		"a script":   []byte("ffconcat version 1.0\nfile " + secret + "\n"),
		"a picture":  pngFile(t),
		"a cut file": slices.Clone(cut[:len(cut)/8]),
		"nothing":    {},
	}
	for name, file := range tests {
		if err := os.WriteFile(filepath.Join(dir, name), file, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	delete(tests, "secret.mp4")
	tests["missing"] = nil
	for name := range tests {
		var b bytes.Buffer
		if err := media.Poster(t.Context(), filepath.Join(dir, name), &b); err == nil || b.Len() > 0 {
			t.Errorf("%s: %d bytes, %v, want an error and nothing else", name, b.Len(), err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var b bytes.Buffer
	if err := media.Poster(ctx, secret, &b); !errors.Is(err, context.Canceled) || b.Len() > 0 {
		t.Errorf("canceled: %d bytes, %v", b.Len(), err)
	}
}

// TestPosterOfTalkativeTool has an ffmpeg that does not come to an end.
func TestPosterOfTalkativeTool(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("there are no scripts")
	}
	dir := t.TempDir()
	script := "#!/bin/sh\nprintf '\\377\\330\\377'\nhead -c 5000000 /dev/zero\nhead -c 5000000 /dev/zero >&2\n"
	if err := os.WriteFile(filepath.Join(dir, "ffmpeg"), []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir+string(os.PathListSeparator)+os.Getenv("PATH"))
	var b bytes.Buffer
	err := media.Poster(t.Context(), "a.mp4", &b)
	if err == nil || len(err.Error()) > 5000 || b.Len() > 0 {
		t.Errorf("%d bytes, %.100v, want a short error and nothing else", b.Len(), err)
	}
}

func TestPosterWithoutTool(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	if err := media.Poster(t.Context(), "../upstream/simulator/sample.mp4", &bytes.Buffer{}); !errors.Is(err, media.ErrNoTool) {
		t.Errorf("Poster = %v, want ErrNoTool", err)
	}
}
