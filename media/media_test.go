package media_test

import (
	"bytes"
	"errors"
	"io"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jimeng-gateway/jimeng-gateway/media"
)

func inspect(file []byte) (media.Info, error) {
	return media.Inspect(bytes.NewReader(file), int64(len(file)))
}

type sample struct {
	name string
	file []byte
	want media.Info
}

// samples are real files of every type.
func samples(t testing.TB) []sample {
	const second = time.Second
	picture := func(kind, extension string, width, height int) media.Info {
		return media.Info{Kind: media.Image, ContentType: "image/" + kind, Extension: extension, Width: width, Height: height}
	}
	video := func(kind, extension string) media.Info {
		return media.Info{Kind: media.Video, ContentType: "video/" + kind, Extension: extension, Width: 480, Height: 270, Length: 3 * second}
	}
	mp3 := func(frames int) media.Info {
		length := time.Duration(float64(frames) * 1152 / 44100 * 1e9)
		return media.Info{Kind: media.Audio, ContentType: "audio/mpeg", Extension: ".mp3", Length: length}
	}
	xing := mp3File(1)
	copy(xing[36:], "Xing\x00\x00\x00\x01\xFF\xFF\xFF\xFF") // a lie
	topDown := bmpFile(t)
	copy(topDown[22:], "\xd0\xff\xff\xff") // -48
	return []sample{
		{"jpg", jpegFile(t), picture("jpeg", ".jpg", 64, 48)},
		{"png", pngFile(t), picture("png", ".png", 64, 48)},
		{"animated png", pngWith(t, "acTL", be32(2, 0)), picture("png", ".png", 64, 48)},
		{"gif", gifFile(t), picture("gif", ".gif", 64, 48)},
		{"bmp", bmpFile(t), picture("bmp", ".bmp", 64, 48)},
		{"bmp top down", topDown, picture("bmp", ".bmp", 64, 48)},
		{"webp lossless", fromBase64(t, webpLossless), picture("webp", ".webp", 1, 1)},
		{"webp lossy", fromBase64(t, webpLossy), picture("webp", ".webp", 1, 1)},
		{"webp animated", webpAnimated(), picture("webp", ".webp", 300, 200)},
		{"mp4", mp4File(t), video("mp4", ".mp4")},
		{"mov", mp4Brand(t, "qt  "), video("quicktime", ".mov")},
		{"m4v", mp4Brand(t, "M4V "), video("x-m4v", ".m4v")},
		{"wav", wavFile(), media.Info{Kind: media.Audio, ContentType: "audio/wav", Extension: ".wav", Length: 3 * second / 2}},
		{"mp3", mp3File(100), mp3(100)},
		{"mp3 with a large tag", slices.Concat([]byte(id3(100_000)), mp3File(10)), mp3(10)},
		{"mp3 with a Xing header", slices.Concat(xing, mp3File(20)), mp3(20)},
		{"mp3 with a tag at the end", slices.Concat(mp3File(20), []byte("TAG"), make([]byte, 125)), mp3(20)},
		{"mp3 with a hole", slices.Concat(mp3File(20), bytes.Repeat([]byte("hole\xFF\xFB\x90"), 9), mp3File(20)), mp3(40)},
	}
}

func TestInspect(t *testing.T) {
	t.Parallel()
	for _, test := range samples(t) {
		got, err := inspect(test.file)
		if err != nil || got != test.want {
			t.Errorf("%s: %+v, %v, want %+v", test.name, got, err, test.want)
		}
	}
}

// TestInspectRealFiles takes what a real encoder writes.
func TestInspectRealFiles(t *testing.T) {
	t.Parallel()
	needFFmpeg(t)
	picture := []string{"-f", "lavfi", "-i", "testsrc=size=320x180:rate=25:duration=2"}
	both := append(slices.Clone(picture), "-f", "lavfi", "-i", "sine=duration=2")
	sound := []string{"-f", "lavfi", "-i", "sine=duration=2"}
	tests := []struct {
		name, kind    string
		width, height int
		args          []string
	}{
		{"index-last.mp4", "video/mp4", 320, 180, both},
		{"index-first.mp4", "video/mp4", 320, 180, append(slices.Clone(both), "-movflags", "faststart")},
		{"fragments.mp4", "video/mp4", 320, 180, append(slices.Clone(both), "-movflags", "frag_keyframe+empty_moov")},
		{"every-frame.mp4", "video/mp4", 320, 180, append(slices.Clone(picture), "-movflags", "frag_every_frame+empty_moov+default_base_moof", "-bf", "0")},
		{"a.mov", "video/quicktime", 320, 180, both},
		{"a.m4v", "video/x-m4v", 320, 180, append(slices.Clone(picture), "-f", "ipod")},
		{"rate.mp3", "audio/mpeg", 0, 0, append(slices.Clone(sound), "-q:a", "4")},
		{"slow.mp3", "audio/mpeg", 0, 0, append(slices.Clone(sound), "-ar", "11025", "-b:a", "32k")},
		{"a.wav", "audio/wav", 0, 0, sound},
		{"lossy.webp", "image/webp", 320, 180, append(slices.Clone(picture), "-frames:v", "1")},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			file, err := os.ReadFile(ffmpeg(t, test.name, test.args...))
			if err != nil {
				t.Fatal(err)
			}
			got, err := inspect(file)
			if err != nil || got.ContentType != test.kind || got.Width != test.width || got.Height != test.height {
				t.Errorf("%+v, %v", got, err)
			}
			if got.Kind != media.Image && (got.Length < 1900*time.Millisecond || got.Length > 2200*time.Millisecond) {
				t.Errorf("length %v, want 2s", got.Length)
			}
		})
	}
	t.Run("upright", func(t *testing.T) {
		t.Parallel()
		flat := ffmpeg(t, "flat.mp4", picture...)
		file, err := os.ReadFile(ffmpeg(t, "turned.mp4", "-i", flat, "-metadata:s:v:0", "rotate=90", "-c", "copy"))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Contains(file, []byte("\xff\xff\x00\x00")) {
			t.Skip("this ffmpeg turns videos in another way")
		}
		if got, err := inspect(file); err != nil || got.Width != 180 || got.Height != 320 {
			t.Errorf("%+v, %v, want 180 x 320", got, err)
		}
	})
}

// TestImageBomb has files of a few bytes that claim huge pictures: the numbers
// are told, so that the caller can refuse them.
func TestImageBomb(t *testing.T) {
	t.Parallel()
	header := be32(60000, 50000) + "\x08\x02\x00\x00\x00"
	bombPNG := "\x89PNG\r\n\x1a\n" + pngChunk("IHDR", header) + pngChunk("IDAT", "x") + pngChunk("IEND", "")
	bombJPEG := jpegFile(t)
	size := bytes.Index(bombJPEG, []byte{0xFF, 0xC0})
	copy(bombJPEG[size+5:], "\xFF\xFF\xFF\xFE")
	bombGIF := gifFile(t)
	frame := bytes.Index(bombGIF, []byte{0x2C, 0, 0, 0, 0, 64, 0, 48, 0})
	copy(bombGIF[frame+5:], "\xFF\xFF\xFF\xFF")
	bombBMP := bmpFile(t)[:200]
	copy(bombBMP[18:], "\x00\x00\x01\x00\x00\x00\x01\x00") // 65536 x 65536
	copy(bombBMP[30:], "\x01\x00\x00\x00\x10\x00\x00\x00") // in 16 bytes
	tests := map[string]struct {
		file          []byte
		width, height int
	}{
		"png": {[]byte(bombPNG), 60000, 50000},
		"jpg": {bombJPEG, 65534, 65535},
		"gif": {bombGIF, 65535, 65535},
		"bmp": {bombBMP, 65536, 65536},
	}
	for name, test := range tests {
		if got, err := inspect(test.file); err != nil || got.Width != test.width || got.Height != test.height {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
}

func TestUnknownTypes(t *testing.T) {
	t.Parallel()
	m4a := bytes.ReplaceAll(mp4File(t), []byte("vide"), []byte("soun"))
	tests := map[string]string{
		"image/heic":                    "\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic",
		"image/avif":                    "\x00\x00\x00\x1cftypavif\x00\x00\x00\x00avifmif1miaf",
		"image/svg+xml":                 `<svg xmlns="http://www.w3.org/2000/svg"/>`,
		"application/pdf":               "%PDF-1.7\n",
		"text/html":                     "<!DOCTYPE html><html></html>",
		"application/zip":               string(zipFile(t, 0, "")),
		"text/plain":                    "hello",
		"application/x-executable":      "\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00>\x00\x01\x00\x00\x00",
		"image/tiff":                    "II*\x00\x08\x00\x00\x00",
		"audio/mp4":                     string(m4a),
		"application/octet-stream":      "\x00\x01\x02\x03\x04\x05\x06\x07",
		"application/vnd.apple.mpegurl": "#EXTM3U\n#EXT-X-VERSION:3\nfile:///etc/passwd\n",
	}
	for name, file := range tests {
		_, err := inspect([]byte(file))
		if !errors.Is(err, media.ErrUnknownType) || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v, want ErrUnknownType with its name", name, err)
		}
	}
}

// TestCutFiles cuts every sample at every place; nothing of it may pass. Only
// MP3 has no end: a part of it is a shorter MP3.
func TestCutFiles(t *testing.T) {
	t.Parallel()
	for _, test := range samples(t) {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			step := 1 + len(test.file)/3000
			for n := 0; n < len(test.file); n += step {
				got, err := inspect(test.file[:n])
				switch {
				case errors.Is(err, media.ErrDamaged):
				case errors.Is(err, media.ErrUnknownType) && n < 100: // not yet to be recognized
				case err == nil && test.want.ContentType == "audio/mpeg" && got.Length <= test.want.Length:
				default:
					t.Fatalf("%d of %d bytes: %+v, %v", n, len(test.file), got, err)
				}
			}
		})
	}
}

// broken fails all reads after some.
type broken struct {
	io.ReadSeeker
	good int
}

var errDisk = errors.New("disk on fire")

func (b *broken) Read(p []byte) (int, error) {
	if b.good--; b.good < 0 {
		return 0, errDisk
	}
	return b.ReadSeeker.Read(p)
}

// TestReadError sets a fault of ours apart from one of the file.
func TestReadError(t *testing.T) {
	t.Parallel()
	for _, test := range samples(t) {
		for good := 0; ; good++ {
			_, err := media.Inspect(&broken{bytes.NewReader(test.file), good}, int64(len(test.file)))
			if err == nil {
				break
			}
			if !errors.Is(err, errDisk) || errors.Is(err, media.ErrDamaged) {
				t.Errorf("%s after %d reads: %v", test.name, good, err)
			}
		}
		// A file that is shorter than was said is no fault of its sender either.
		_, err := media.Inspect(bytes.NewReader(test.file), int64(len(test.file))+1)
		if err == nil || errors.Is(err, media.ErrDamaged) {
			t.Errorf("%s with a wrong size: %v", test.name, err)
		}
	}
}

func TestTypeNames(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"image/jpg": "image/jpeg", " IMAGE/PNG ; charset=binary": "image/png", "audio/x-wav": "audio/wav",
		"video/mp4": "video/mp4", "": "",
	} {
		if got := media.TypeName(name); got != want {
			t.Errorf("TypeName(%q) = %q, want %q", name, got, want)
		}
	}
	tests := []struct {
		declared, real string
		want           bool
	}{
		{"", "image/png", true},
		{"application/octet-stream", "image/png", true},
		{"image/png", "image/png", true},
		{"IMAGE/PNG; charset=binary", "image/png", true},
		{"image/x-ms-bmp", "image/bmp", true},
		{"audio/mp3", "audio/mpeg", true},
		{"video/mp4", "video/x-m4v", true},
		{"video/m4v", "video/mp4", true},
		{"video/quicktime", "video/mp4", false},
		{"image/gif", "image/png", false},
		{"text/html", "image/png", false},
		{"image/png; =", "image/png", false},
		{"png", "image/png", false},
	}
	for _, test := range tests {
		if got := media.Agrees(test.declared, test.real); got != test.want {
			t.Errorf("Agrees(%q, %q) = %v", test.declared, test.real, got)
		}
	}
}
