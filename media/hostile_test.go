package media_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/jimeng-gateway/jimeng-gateway/media"
)

// counting counts what is read.
type counting struct {
	io.ReadSeeker
	read int64
}

func (c *counting) Read(p []byte) (int, error) {
	n, err := c.ReadSeeker.Read(p)
	c.read += int64(n)
	return n, err
}

// inspectBounded also checks that a file is read a few times at most: by a
// decoder, by the walk to its end and by the search for other files in it.
func inspectBounded(t *testing.T, file []byte) (media.Info, error) {
	t.Helper()
	c := &counting{ReadSeeker: bytes.NewReader(file)}
	info, err := media.Inspect(c, int64(len(file)))
	if limit := 5*int64(len(file)) + 512<<10; c.read > limit {
		t.Errorf("%d bytes read of a file of %d", c.read, len(file))
	}
	if err != nil && !errors.Is(err, media.ErrDamaged) && !errors.Is(err, media.ErrUnknownType) && !errors.Is(err, media.ErrPolyglot) {
		t.Errorf("an error that nobody expects: %v", err)
	}
	return info, err
}

func TestHostileMovies(t *testing.T) {
	t.Parallel()
	head := mp4Box("ftyp", "isom\x00\x00\x02\x00isom")
	content := mp4Box("mdat", "x")
	nested := ""
	for range 30 {
		nested = mp4Box("trak", nested)
	}
	stsd := func(entry string) string {
		hdlr := mp4Box("hdlr", be32(0, 0), "vide", be32(0, 0, 0, 0))
		return mp4Box("moov", mp4Box("trak", mp4Box("mdia", hdlr, mp4Box("minf", mp4Box("stbl", mp4Box("stsd", be32(0, 1), entry))))))
	}
	long := func(size uint64) string {
		return "\x00\x00\x00\x01mdat" + string(binary.BigEndian.AppendUint64(nil, size))
	}
	tests := map[string]string{
		"nested boxes":          head + mp4Box("moov", nested) + content,
		"no moov":               head + content,
		"no mdat":               head + stsd(strings.Repeat("\x01", 40)),
		"no picture":            head + mp4Box("moov") + content,
		"box without a size":    head + "\x00\x00\x00\x07moov",
		"negative size":         head + long(math.MaxUint64),
		"huge size":             head + long(math.MaxInt64),
		"wrapping size":         head + long(math.MaxInt64-20),
		"long size too small":   head + long(15),
		"long size, no room":    head + "\x00\x00\x00\x01mdat",
		"mdat over the end":     head + stsd(strings.Repeat("\x01", 40)) + "\x7f\xff\xff\xffmdat",
		"box over its parent":   head + mp4Box("moov", "\x00\x00\x01\x00trak") + content,
		"short description":     head + stsd("short") + content,
		"short movie header":    head + mp4Box("moov", mp4Box("mvhd", "")) + content,
		"too many tracks":       head + mp4Box("moov", strings.Repeat(mp4Box("trak"), 101)) + content,
		"too many boxes":        head + strings.Repeat(mp4Box("free"), 1<<20) + stsd(strings.Repeat("\x01", 40)) + content,
		"mdat takes everything": head + "\x00\x00\x00\x00mdat" + stsd(strings.Repeat("\x01", 40)),
		"orphaned boxes":        head + mp4Box("moof", mp4Box("traf", mp4Box("tfhd", be32(0, 7)), mp4Box("trun", be32(0x100, math.MaxUint32)))) + content,
	}
	for name, file := range tests {
		start := time.Now()
		if got, err := inspectBounded(t, []byte(file)); !errors.Is(err, media.ErrDamaged) {
			t.Errorf("%s: %+v, %v, want ErrDamaged", name, got, err)
		}
		if took := time.Since(start); took > 5*time.Second {
			t.Errorf("%s took %v", name, took)
		}
	}
}

// TestLyingFragments claims more samples than there are and more time than a
// number can hold.
func TestLyingFragments(t *testing.T) {
	t.Parallel()
	file := func(run string) []byte {
		track := mp4Box("trak",
			mp4Box("tkhd", be32(0, 0, 0, 1), strings.Repeat("\x00", 68)),
			mp4Box("mdia",
				mp4Box("mdhd", be32(0, 0, 0, 1, 0, 0)),
				mp4Box("hdlr", be32(0, 0), "vide", be32(0, 0, 0, 0)),
				mp4Box("minf", mp4Box("stbl", mp4Box("stsd", be32(0, 1), strings.Repeat("\x01", 40))))))
		return []byte(mp4Box("ftyp", "isom\x00\x00\x02\x00isom") +
			mp4Box("moov", mp4Box("mvhd", be32(0, 0, 0, 1000, math.MaxUint32)), track, mp4Box("mvex", mp4Box("trex", be32(0, 1, 1, 2, 0, 0)))) +
			mp4Box("moof", mp4Box("traf", mp4Box("tfhd", be32(0, 1)), run)) + mp4Box("mdat", "x"))
	}
	tests := []struct {
		name, run string
		want      time.Duration
	}{
		{"honest", mp4Box("trun", be32(0, 3)), 6 * time.Second},
		{"each its own length", mp4Box("trun", be32(0x301, 2, 99, 5, 1, 7, 1)), 12 * time.Second},
		{"for ever", strings.Repeat(mp4Box("trun", be32(0, math.MaxUint32)), 2), math.MaxInt64},
	}
	for _, test := range tests {
		if got, err := inspectBounded(t, file(test.run)); err != nil || got.Length != test.want || got.Width != 0x0101 {
			t.Errorf("%s: %+v, %v, want %v", test.name, got, err, test.want)
		}
	}
	if _, err := inspectBounded(t, file(mp4Box("trun", be32(0x100, math.MaxUint32, 1)))); !errors.Is(err, media.ErrDamaged) {
		t.Errorf("samples that are not there: %v", err)
	}
}

func TestPicturesOfNothing(t *testing.T) {
	t.Parallel()
	flatWebP := fromBase64(t, webpLossy)
	copy(flatWebP[26:], "\x01\x00\x00\x00")
	emptyGIF := "GIF89a\x05\x00\x05\x00\x00\x00\x00"
	for _, file := range []string{
		string(flatWebP),
		emptyGIF + ";",
		"GIF89a\x00\x00\x05\x00\x00\x00\x00,\x00\x00\x00\x00\x00\x00\x05\x00\x00\x02\x00;",
		"\x89PNG\r\n\x1a\n" + pngChunk("IHDR", be32(1, 1)+"\x08\x02\x00\x00\x00") + pngChunk("IEND", ""),
		string(bmpFile(t)[:18]) + strings.Repeat("\x00", 60),
		string(riff("WAVE", riffChunk("data", "x"))),
		string(riff("WAVE", riffChunk("LIST", "nothing to hear"))),
		id3(50),
	} {
		if got, err := inspectBounded(t, []byte(file)); !errors.Is(err, media.ErrDamaged) {
			t.Errorf("%.20q: %+v, %v, want ErrDamaged", file, got, err)
		}
	}
}

// TestLongNumbers has boxes of version 1, a length of 64 bits and one that is
// not known; a track that tells more; and a box whose size takes 64 bits.
func TestLongNumbers(t *testing.T) {
	t.Parallel()
	file := func(header, trackHeader string) []byte {
		track := mp4Box("trak",
			mp4Box("tkhd", be32(1<<24, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0), be32(0, 0x10000, 0, 0xFFFF0000, 0, 0, 0, 0, 0x40000000, 0, 0)),
			mp4Box("mdia", trackHeader, mp4Box("hdlr", be32(0, 0), "vide", be32(0, 0, 0, 0)),
				mp4Box("minf", mp4Box("stbl", mp4Box("stsd", be32(0, 1), strings.Repeat("\x00", 32), be32(640<<16|360), "\x00\x00")))))
		return []byte(mp4Box("ftyp", "isom\x00\x00\x02\x00isom") + be32(1) + "mdat" + be32(0, 17) + "x" + mp4Box("moov", header, track))
	}
	tests := []struct {
		header, track string
		want          time.Duration
	}{
		{mp4Box("mvhd", be32(1<<24, 0, 0, 0, 0, 1000, 0, 2500)), "", 2500 * time.Millisecond},
		{mp4Box("mvhd", be32(1<<24, 0, 0, 0, 0, 1000, math.MaxUint32, math.MaxUint32)), mp4Box("mdhd", be32(1<<24, 0, 0, 0, 0, 30, 0, 120)), 4 * time.Second},
		{mp4Box("mvhd", be32(0, 0, 0, 1000, math.MaxUint32)), mp4Box("mdhd", be32(0, 0, 0, 30, 150)), 5 * time.Second},
		{mp4Box("mvhd", be32(0, 0, 0, 1000, 0)) + mp4Box("mvex", mp4Box("mehd", be32(1<<24, 0, 7000))), "", 7 * time.Second},
	}
	for _, test := range tests {
		got, err := inspectBounded(t, file(test.header, test.track))
		if err != nil || got.Length != test.want || got.Width != 360 || got.Height != 640 {
			t.Errorf("%+v, %v, want %v and 360 x 640", got, err, test.want)
		}
	}
}

// TestSlowFiles are made to be read again and again, or byte by byte.
func TestSlowFiles(t *testing.T) {
	t.Parallel()
	const size = 8 << 20
	fill := func(head, pattern string) []byte {
		return append([]byte(head), bytes.Repeat([]byte(pattern), size/len(pattern))...)
	}
	tests := map[string][]byte{
		"headers of MP3 frames that are none": fill("", "\xFF\xFB\x90\x64"),
		"empty tags":                          fill("", id3(0)),
		"bytes before an MP3":                 append(fill(id3(0), "\xFF\xFE"), mp3File(3)...),
		"empty chunks":                        fill("\x89PNG\r\n\x1a\n"+pngChunk("IHDR", be32(1, 1)+"\x08\x02\x00\x00\x00"), pngChunk("tEXt", "")),
		"chunks of a window":                  fill("\x89PNG\r\n\x1a\n"+pngChunk("IHDR", be32(1, 1)+"\x08\x02\x00\x00\x00"), pngChunk("tEXt", strings.Repeat("x", 33<<10))),
		"segments":                            fill(string(jpegFile(t)[:200]), "\xFF\xE0\x00\x02"),
		"filled markers":                      fill(string(jpegFile(t)[:200]), "\xFF"),
		"frames":                              fill(string(gifFile(t)[:13]), "\x2C\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x00"),
		"chunks of a WAV":                     fill("RIFF\x00\x00\x10\x00WAVE", "LIST\x00\x00\x00\x00"),
		"records of archives":                 append(jpegFile(t), fill("", "PK\x05\x06\x00\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00\x01\x00\x00\x00\x00\x00")...),
	}
	for name, file := range tests {
		start := time.Now()
		got, err := inspectBounded(t, file)
		if took := time.Since(start); took > 5*time.Second {
			t.Errorf("%s: %+v, %v took %v", name, got, err, took)
		}
	}
}

func FuzzInspect(f *testing.F) {
	for _, s := range samples(f) {
		if len(s.file) < 50_000 {
			f.Add(s.file)
		}
	}
	f.Add(append(jpegFile(f), zipFile(f, 0, "")...))
	f.Add([]byte(fmt.Sprint(mp4Box("ftyp", "isom\x00\x00\x02\x00isom"), mp4Box("moof", mp4Box("traf", mp4Box("tfhd", be32(0xb, 1)), mp4Box("trun", be32(0xf01, 9)))))))
	f.Fuzz(func(t *testing.T, file []byte) {
		info, err := inspectBounded(t, file)
		if err != nil {
			return
		}
		if info.Length < 0 || info.Width < 0 || info.Height < 0 || info.Kind == "" || info.Extension == "" {
			t.Errorf("%+v", info)
		}
		if picture := info.Kind != media.Audio; picture != (info.Width > 0 && info.Height > 0) {
			t.Errorf("%+v", info)
		}
	})
}
