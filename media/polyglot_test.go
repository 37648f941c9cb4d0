package media_test

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/jimeng-gateway/jimeng-gateway/media"
)

func TestPolyglots(t *testing.T) {
	t.Parallel()
	behind := func(file []byte, rest ...string) []byte { return append(slices.Clone(file), strings.Join(rest, "")...) }
	picture := jpegFile(t)
	// A ZIP archive in the last segment of a JPEG, whose comment is the rest.
	archive := zipFile(t, 0, "\xFF\xD9")
	inside := slices.Concat(picture[:len(picture)-2], []byte{0xFF, 0xFE, 0, byte(len(archive))}, archive)
	tests := map[string][]byte{
		"png and zip":                  behind(pngFile(t), string(zipFile(t, 0, ""))),
		"png and zip with places":      behind(pngFile(t), string(zipFile(t, int64(len(pngFile(t))), ""))),
		"gif and zip":                  behind(gifFile(t), string(zipFile(t, 0, ""))),
		"bmp and zip":                  behind(bmpFile(t), string(zipFile(t, 0, ""))),
		"webp and zip":                 behind(fromBase64(t, webpLossy), string(zipFile(t, 0, ""))),
		"jpg and zip":                  behind(picture, string(zipFile(t, 0, ""))),
		"zip with a long comment":      behind(picture, string(zipFile(t, 0, strings.Repeat("PK", 32000)))),
		"zip with more behind it":      behind(picture, "notes of a phone", string(zipFile(t, 0, "")), "!"),
		"zip inside":                   inside,
		"large zip":                    behind(picture, "PK\x05\x06", strings.Repeat("\xff", 18)),
		"mp4 and zip":                  behind(mp4File(t), string(zipFile(t, 0, ""))),
		"wav and zip":                  behind(wavFile(), string(zipFile(t, 0, ""))),
		"mp3 and zip":                  behind(mp3File(9), string(zipFile(t, 0, ""))),
		"rar":                          behind(picture, "Rar!\x1a\x07\x01\x00"),
		"7z":                           behind(gifFile(t), "\x00\x00", "7z\xbc\xaf\x27\x1c\x00\x04"),
		"gzip":                         behind(gifFile(t), "\x1f\x8b\x08\x00"),
		"pdf behind":                   behind(picture, "\n%PDF-1.7\n"),
		"page behind":                  behind(picture, " <HTML lang=en>"),
		"page behind a video of phone": behind(picture, string(mp4File(t)), "<script>alert(1)</script>"),
		"page across windows":          behind(picture, strings.Repeat(".", 32<<10-len(picture)-3), "<script>"),
		"page in a comment":            jpegWith(t, 0xFE, "<!DOCTYPE HTML><body>"),
		"page behind a gif":            behind(gifFile(t), "<html>"),
		"php":                          behind(pngFile(t), "<?php system($_GET['c']);"),
		"program for Linux":            behind(pngFile(t), "\x00\x00\x7fELF\x02\x01\x01"),
		"program for Windows":          behind(bmpFile(t), "MZ\x90\x00"),
		"script":                       behind(gifFile(t), "\n#!/bin/sh\n"),
		"script behind a long gap":     behind(gifFile(t), strings.Repeat("\n", 100_000), "#!/bin/sh\n"),
	}
	for name, file := range tests {
		if got, err := inspect(file); !errors.Is(err, media.ErrPolyglot) {
			t.Errorf("%s: %+v, %v, want ErrPolyglot", name, got, err)
		}
	}
	// What begins like a PDF soon enough is one to whoever reads PDFs.
	for _, file := range [][]byte{jpegWith(t, 0xFE, "%PDF-1.4\n1 0 obj"), pngWith(t, "tEXt", "Title\x00%PDF-1.7")} {
		if got, err := inspect(file); !errors.Is(err, media.ErrUnknownType) || !strings.Contains(err.Error(), "application/pdf") {
			t.Errorf("%+v, %v, want ErrUnknownType that names PDF", got, err)
		}
	}
}

// TestHarmlessRests has what cameras, phones and editors really put into and
// behind pictures.
func TestHarmlessRests(t *testing.T) {
	t.Parallel()
	behind := func(file []byte, rest ...string) []byte { return append(slices.Clone(file), strings.Join(rest, "")...) }
	picture := jpegFile(t)
	page := strings.Repeat(" ", 2000) + "<html><script>"
	tests := map[string][]byte{
		"two pictures":         behind(picture, string(picture)),
		"motion photo":         behind(picture, string(mp4File(t))),
		"notes of a phone":     behind(picture, "\x00\x00\x01\x0a\x0e\x00\x00\x00Image_UTC_Data1700000000000SEFHk\x00\x00\x00SEFT"),
		"zeros":                behind(pngFile(t), strings.Repeat("\x00", 5000)),
		"a line feed":          behind(gifFile(t), "\n"),
		"preview inside":       jpegWith(t, 0xE1, "Exif\x00\x00"+string(picture)),
		"page in the metadata": pngWith(t, "tEXt", "Comment\x00"+page),
		"names of archives":    behind(picture, "PK and zip, rar! and 7z, MZ, PK\x03\x04, PK\x05\x06 and that is all of it."),
		"rest of a video":      behind(mp4File(t), "\x00\x00\x00\x00\x00\x00\x00\x00\x00"),
		"junk behind a video":  behind(mp4File(t), "no box is that long, or is it?"),
		"filled jpg":           bytes.Replace(picture, []byte{0xFF, 0xDA}, []byte{0xFF, 0xFF, 0xFF, 0xDA}, 1),
	}
	for name, file := range tests {
		if _, err := inspect(file); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}
