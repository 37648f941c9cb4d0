package media

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"time"
)

// ErrNoTool is returned by Poster on a machine without ffmpeg.
var ErrNoTool = errors.New("ffmpeg is not installed")

const (
	posterTime  = 20 * time.Second
	posterBytes = 4 << 20 // a JPEG of 1280 pixels has a tenth of it
)

// Poster writes a JPEG still of the video to w: one that is typical for the
// first seconds, at most 1280 pixels wide and high, upright. The video is a
// file of the types that [Inspect] calls [Video], by its path: ffmpeg must be
// able to seek in it, as the index of a video may be at its end. Nothing is
// written to w when an error is returned, unless it came from w.
func Poster(ctx context.Context, video string, w io.Writer) error {
	tool, err := exec.LookPath("ffmpeg")
	if err != nil {
		return ErrNoTool
	}
	ctx, cancel := context.WithTimeout(ctx, posterTime)
	defer cancel()
	picture, complaint := &bounded{rest: posterBytes}, &bounded{rest: 4 << 10}
	cmd := exec.CommandContext(ctx, tool,
		"-nostdin", "-hide_banner", "-loglevel", "error",
		// The file comes from outside. The demuxer is not guessed, since some
		// formats are lists of other files; nothing but files can be opened; and
		// no picture is decoded that needs more than 8192 x 4608 pixels.
		"-protocol_whitelist", "file,pipe", "-f", "mov", "-max_pixels", "37748736", "-threads", "1",
		"-t", "4", "-i", "file:"+video,
		"-map", "0:v:0", "-an", "-sn", "-dn",
		// The most typical of up to 16 frames, which is none of a fade from black.
		// Scaling comes first, so that the candidates take little memory.
		"-vf", "framestep=5,scale='min(1280,iw)':'min(1280,ih)':force_original_aspect_ratio=decrease,thumbnail=16",
		"-frames:v", "1", "-c:v", "mjpeg", "-q:v", "4", "-threads", "1",
		"-f", "image2pipe", "pipe:1")
	// The environment of the gateway holds secrets, which are none of ffmpeg's.
	cmd.Env = []string{"PATH=" + os.Getenv("PATH")}
	cmd.Stdout, cmd.Stderr = picture, complaint
	cmd.WaitDelay = time.Second
	if err := cmd.Run(); err != nil {
		if ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		return fmt.Errorf("make poster: %w%s", err, complaint.line())
	}
	if picture.over || !bytes.HasPrefix(picture.kept, []byte("\xFF\xD8\xFF")) {
		return fmt.Errorf("make poster: ffmpeg gave no useful picture%s", complaint.line())
	}
	if _, err := w.Write(picture.kept); err != nil {
		return fmt.Errorf("write poster: %w", err)
	}
	return nil
}

// bounded keeps so many bytes of what is written and drops the rest. It is no
// [bytes.Buffer], whose ReadFrom would let everything in.
type bounded struct {
	kept []byte
	rest int
	over bool
}

func (b *bounded) Write(p []byte) (int, error) {
	n := min(len(p), b.rest)
	b.kept = append(b.kept, p[:n]...)
	b.rest -= n
	b.over = b.over || n < len(p)
	return len(p), nil
}

// line returns the first line to put behind an error.
func (b *bounded) line() string {
	first, _, _ := strings.Cut(strings.TrimSpace(string(b.kept)), "\n")
	if first == "" {
		return ""
	}
	return ": " + first
}
