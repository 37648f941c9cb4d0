package simulator

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"fmt"
	"hash/fnv"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// sampleMP4 is what every video is: three seconds of a moving test picture with
// a running clock, H.264 Main in yuv420p, moov before mdat. It was made with
//
//	ffmpeg -f lavfi -i testsrc2=size=480x270:rate=15:duration=3 -c:v libx264 \
//	  -profile:v main -pix_fmt yuv420p -preset veryslow -crf 38 -tune animation -g 15 \
//	  -movflags +faststart -map_metadata -1 -fflags +bitexact -flags:v +bitexact sample.mp4
//
//go:embed sample.mp4
var sampleMP4 []byte

// fileURL is the signed link to a result, absolute as the real ones are. The
// key is no secret, so that links survive a restart.
func (s *Server) fileURL(r *http.Request, name string) string {
	expires := time.Now().Add(s.lifetime).Unix()
	scheme := "http"
	if r.TLS != nil {
		scheme = "https"
	}
	return fmt.Sprintf("%s://%s/_simulator/files/%s?expires=%d&sig=%s", scheme, r.Host, name, expires, signature(name, expires))
}

func signature(name string, expires int64) string {
	mac := hmac.New(sha256.New, []byte("jimeng simulator"))
	fmt.Fprintf(mac, "%s\n%d", name, expires)
	return hex.EncodeToString(mac.Sum(nil)[:16])
}

var pngName = regexp.MustCompile(`^\d+-(\d)-(\d{1,4})x(\d{1,4})\.png$`)

// file serves a result: 403 for a link that was never made or has expired.
func (s *Server) file(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("name")
	query := r.URL.Query()
	expires, err := strconv.ParseInt(query.Get("expires"), 10, 64)
	if err != nil || !hmac.Equal([]byte(query.Get("sig")), []byte(signature(name, expires))) || time.Now().Unix() >= expires {
		http.Error(w, "AccessDenied: the link is not signed or has expired", http.StatusForbidden)
		return
	}
	var content []byte
	contentType := "video/mp4"
	if m := pngName.FindStringSubmatch(name); m != nil {
		n, _ := strconv.Atoi(m[1])
		width, _ := strconv.Atoi(m[2])
		height, _ := strconv.Atoi(m[3])
		content, contentType = drawPNG(width, height, n), "image/png"
	} else if strings.HasSuffix(name, ".mp4") {
		content = sampleMP4
	} else {
		http.NotFound(w, r)
		return
	}
	id, _, _ := strings.Cut(strings.TrimSuffix(name, ".mp4"), "-")
	if h, ok := parseHistory(id); ok {
		if fault := s.fetches.next(name, h.script.file); fault != "" {
			s.spoil(w, r, id, fault, contentType, content)
			return
		}
	}
	tag := fnv.New64a()
	tag.Write(content)
	w.Header().Set("Content-Type", contentType)
	w.Header().Set("ETag", fmt.Sprintf(`"%x"`, tag.Sum64()))
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(content))
}

// drawPNG draws the n-th picture of a request: stripes and a disc in colours of
// its own.
func drawPNG(width, height, n int) []byte {
	palette := color.Palette{
		color.RGBA{uint8(40 + 50*n), 60, uint8(200 - 40*n), 255},
		color.RGBA{uint8(80 + 40*n), 110, uint8(230 - 40*n), 255},
		color.RGBA{250, 220, 90, 255},
	}
	picture := image.NewPaletted(image.Rect(0, 0, width, height), palette)
	for y := 0; y < height; y += 64 {
		draw.Draw(picture, image.Rect(0, y, width, y+32), image.NewUniform(palette[1]), image.Point{}, draw.Src)
	}
	radius := min(width, height) / 4
	for y := -radius; y <= radius; y++ {
		for x := -radius; x <= radius; x++ {
			if x*x+y*y <= radius*radius {
				picture.SetColorIndex(width/2+x, height/2+y, 2)
			}
		}
	}
	var out bytes.Buffer
	encoder := png.Encoder{CompressionLevel: png.BestSpeed}
	encoder.Encode(&out, picture) // a buffer takes everything
	return out.Bytes()
}
