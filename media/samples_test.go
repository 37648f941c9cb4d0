package media_test

import (
	"archive/zip"
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"hash/crc32"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/image/bmp"
)

// encoded returns what an encoder writes of a picture of 64 x 48 pixels.
func encoded(t testing.TB, encode func(*bytes.Buffer, image.Image) error) []byte {
	t.Helper()
	m := image.NewRGBA(image.Rect(0, 0, 64, 48))
	for i := range m.Pix {
		m.Pix[i] = byte(i * 7)
	}
	var b bytes.Buffer
	if err := encode(&b, m); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func pngFile(t testing.TB) []byte {
	return encoded(t, func(b *bytes.Buffer, m image.Image) error { return png.Encode(b, m) })
}

func jpegFile(t testing.TB) []byte {
	return encoded(t, func(b *bytes.Buffer, m image.Image) error { return jpeg.Encode(b, m, nil) })
}

func bmpFile(t testing.TB) []byte {
	return encoded(t, func(b *bytes.Buffer, m image.Image) error { return bmp.Encode(b, m) })
}

func gifFile(t testing.TB) []byte {
	t.Helper()
	frame := image.NewPaletted(image.Rect(0, 0, 64, 48), color.Palette{color.Black, color.White})
	frame.Pix[5] = 1
	var b bytes.Buffer
	if err := gif.EncodeAll(&b, &gif.GIF{Image: []*image.Paletted{frame, frame}, Delay: []int{10, 10}}); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// pngChunk returns a chunk with its checksum.
func pngChunk(kind, data string) string {
	b := binary.BigEndian.AppendUint32(nil, uint32(len(data)))
	b = append(b, kind+data...)
	return string(binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(b[4:])))
}

// pngWith puts a chunk behind the header of a PNG.
func pngWith(t testing.TB, kind, data string) []byte {
	file := pngFile(t)
	return bytes.Join([][]byte{file[:33], []byte(pngChunk(kind, data)), file[33:]}, nil)
}

// jpegWith puts a segment behind the first two bytes of a JPEG.
func jpegWith(t testing.TB, marker byte, data string) []byte {
	file := jpegFile(t)
	head := binary.BigEndian.AppendUint16([]byte{0xFF, 0xD8, 0xFF, marker}, uint16(len(data)+2))
	return bytes.Join([][]byte{head, []byte(data), file[2:]}, nil)
}

// Two pictures of one pixel, since there is no encoder at hand.
const (
	webpLossless = "UklGRhoAAABXRUJQVlA4TA0AAAAvAAAAEAcQERGIiP4HAA=="
	webpLossy    = "UklGRiQAAABXRUJQVlA4IBgAAAAwAQCdASoBAAEAAQAcJaQAA3AA/v3AgAA="
)

func fromBase64(t testing.TB, text string) []byte {
	t.Helper()
	b, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func riff(form string, chunks ...string) []byte {
	body := form + strings.Join(chunks, "")
	return append(binary.LittleEndian.AppendUint32([]byte("RIFF"), uint32(len(body))), body...)
}

func riffChunk(kind, data string) string {
	b := append(binary.LittleEndian.AppendUint32([]byte(kind), uint32(len(data))), data...)
	return string(append(b, make([]byte, len(b)%2)...))
}

// webpAnimated claims an animation of 300 x 200 pixels.
func webpAnimated() []byte {
	return riff("WEBP", riffChunk("VP8X", "\x02\x00\x00\x00\x2b\x01\x00\xc7\x00\x00"), riffChunk("ANIM", "\x00\x00\x00\x00\x00\x00"))
}

// wavFile is 1.5 seconds of silence, 8000 samples of 16 bits a second, with a
// chunk of odd length in the middle.
func wavFile() []byte {
	format := "\x01\x00\x01\x00\x40\x1f\x00\x00\x80\x3e\x00\x00\x02\x00\x10\x00"
	return riff("WAVE", riffChunk("fmt ", format), riffChunk("LIST", "odd"), riffChunk("data", strings.Repeat("\x00", 24000)))
}

// mp3File has that many frames of 128 kbit/s at 44100 Hz, of 1152 samples each.
func mp3File(frames int) []byte {
	return bytes.Repeat(append([]byte{0xFF, 0xFB, 0x90, 0x64}, make([]byte, 413)...), frames)
}

// id3 returns a tag with that much in it.
func id3(n int) string {
	return string([]byte{'I', 'D', '3', 4, 0, 0, byte(n >> 21 & 0x7F), byte(n >> 14 & 0x7F), byte(n >> 7 & 0x7F), byte(n & 0x7F)}) + strings.Repeat("\x00", n)
}

// mp4File has 45 frames of 480 x 270 pixels in 3 seconds.
func mp4File(t testing.TB) []byte {
	t.Helper()
	file, err := os.ReadFile("../upstream/simulator/sample.mp4")
	if err != nil {
		t.Fatal(err)
	}
	return file
}

// mp4Brand is the sample under another brand.
func mp4Brand(t testing.TB, brand string) []byte {
	file := mp4File(t)
	copy(file[8:], brand)
	return file
}

// mp4Box returns a box with a correct size.
func mp4Box(kind string, body ...string) string {
	b := binary.BigEndian.AppendUint32(nil, uint32(8+len(strings.Join(body, ""))))
	return string(b) + kind + strings.Join(body, "")
}

func be32(n ...uint32) string {
	var b []byte
	for _, n := range n {
		b = binary.BigEndian.AppendUint32(b, n)
	}
	return string(b)
}

// zipFile returns an archive whose places count from offset.
func zipFile(t testing.TB, offset int64, comment string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	w.SetOffset(offset)
	if err := w.SetComment(comment); err != nil {
		t.Fatal(err)
	}
	if f, err := w.Create("a.txt"); err != nil {
		t.Fatal(err)
	} else if _, err := f.Write([]byte("hello")); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// needFFmpeg skips a test that wants files of a real encoder.
func needFFmpeg(t *testing.T) {
	t.Helper()
	if _, err := exec.LookPath("ffmpeg"); err != nil {
		t.Skip("there is no ffmpeg")
	}
}

// ffmpeg makes a file in a directory of the test and returns its path.
func ffmpeg(t *testing.T, name string, args ...string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	args = append(append([]string{"-nostdin", "-loglevel", "error"}, args...), path)
	if out, err := exec.CommandContext(t.Context(), "ffmpeg", args...).CombinedOutput(); err != nil {
		t.Skipf("this ffmpeg cannot make %s: %v %s", name, err, out)
	}
	return path
}
