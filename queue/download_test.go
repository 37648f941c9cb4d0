package queue_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/jimeng-gateway/jimeng-gateway/queue"
	"github.com/jimeng-gateway/jimeng-gateway/store"
	"github.com/jimeng-gateway/jimeng-gateway/store/storetest"
	"github.com/jimeng-gateway/jimeng-gateway/upstream"
	"github.com/jimeng-gateway/jimeng-gateway/upstream/simulator"
)

// both runs a test on an upstream that is polled and on one whose call blocks.
func both(t *testing.T, o options, test func(*testing.T, *house)) {
	for _, variant := range []simulator.Variant{simulator.Fork, simulator.Stock} {
		t.Run(string(variant), func(t *testing.T) {
			o := o
			o.variant, o.delay = variant, time.Millisecond
			each(t, o, test)
		})
	}
}

func TestAResultIsFetchedUntilItComes(t *testing.T) {
	o := options{settings: func(s *queue.Settings) { s.PollInterval = 10 * time.Millisecond }}
	both(t, o, func(t *testing.T, h *house) {
		h.session("account-0000000001", 9)
		faults := []string{"cut", "short", "forbidden", "page", "garbage"}
		ids := map[string]string{}
		for _, fault := range faults {
			ids[fault] = h.submit(h.video(admin, "a boat [[file:"+fault+":3]]")).ID
		}
		for fault, id := range ids {
			late := h.until(id, "late", func(t *store.Task) bool { return t.ErrorMessage != "" })
			if late.Status != store.Downloading {
				t.Errorf("%s: %+v", fault, late)
			}
		}
		for fault, id := range ids {
			task := h.ended(id)
			if task.Status != store.Succeeded || task.ErrorMessage != "" || !h.has(task) {
				t.Errorf("%s: %+v", fault, task)
			}
		}
		if n := len(h.sim.Submits()); n != len(faults) {
			t.Errorf("%d submits", n)
		}
		h.consistent()
	})
}

// A result is paid: what would be refused as a material is kept.
func TestAResultWithMoreBehindItIsKept(t *testing.T) {
	both(t, options{}, func(t *testing.T, h *house) {
		h.session("account-0000000001", 1)
		task := h.ended(h.submit(h.video(admin, "a boat [[file:archive]]")).ID)
		if task.Status != store.Succeeded || !h.has(task) {
			t.Errorf("%+v", task)
		}
	})
}

func TestOnlyTheDeadlineGivesAResultUp(t *testing.T) {
	o := options{settings: func(s *queue.Settings) { s.PollInterval, s.RunDeadline = 10*time.Millisecond, 2*time.Second }}
	both(t, o, func(t *testing.T, h *house) {
		h.session("account-0000000001", 9)
		ids := map[string]string{}
		for fault, want := range map[string]string{"forbidden": "HTTP 403", "cut": "broke off", "short": "damaged", "garbage": "no video but text/html"} {
			ids[want] = h.submit(h.video(admin, "a boat [[file:"+fault+"]]")).ID
		}
		for want, id := range ids {
			task := h.ended(id)
			if task.Status != store.Failed || task.ErrorKind != string(upstream.FileTransfer) || !strings.Contains(task.ErrorMessage, want) {
				t.Errorf("task: %+v", task)
			}
			if took := task.FinishedAt - task.StartedAt; took < 2000 {
				t.Errorf("given up after %d ms", took)
			}
		}
		h.consistent()
	})
}

func TestAFetchGoesOnAfterARestart(t *testing.T) {
	both(t, options{}, func(t *testing.T, h *house) {
		h.session("account-0000000001", 1)
		id := h.submit(h.video(admin, "a boat [[file:hold:1]]")).ID
		var mirror *queue.Mirror
		eventually(t, func() string {
			if mirror = h.queue.Mirror(id, 0); mirror == nil {
				return "the result is not fetched"
			}
			return ""
		})
		reader, err := mirror.Open(t.Context(), func() {})
		if err != nil {
			t.Fatal(err)
		}
		defer reader.Close()
		h.stop()
		if _, err := io.Copy(io.Discard, reader); err == nil {
			t.Error("a reader takes half of a file for all of it")
		}
		h.start()
		task := h.ended(id)
		if task.Status != store.Succeeded || len(h.sim.Submits()) != 1 || !h.has(task) {
			t.Errorf("task: %+v, %d submits", task, len(h.sim.Submits()))
		}
	})
}

func TestWhatIsKnownOfAVideo(t *testing.T) {
	_, err := exec.LookPath("ffmpeg")
	tool := err == nil
	each(t, options{delay: time.Millisecond}, func(t *testing.T, h *house) {
		h.session("account-0000000001", 1)
		task := h.made(admin)
		video := task.Artifacts[0]
		if video.Kind != "video" || video.ContentType != "video/mp4" || video.Width != 480 || video.Height != 270 || video.LengthMS != 3000 || video.Poster {
			t.Errorf("video: %+v", video)
		}
		if !tool {
			if len(task.Artifacts) != 1 {
				t.Errorf("artifacts: %+v", task.Artifacts)
			}
			return
		}
		if len(task.Artifacts) != 2 {
			t.Fatalf("artifacts: %+v", task.Artifacts)
		}
		poster := task.Artifacts[1]
		if poster.Kind != "image" || !poster.Poster || poster.ContentType != "image/jpeg" || poster.Width != 480 || poster.Height != 270 || poster.Size == 0 {
			t.Errorf("poster: %+v", poster)
		}
		if task.ArtifactBytes != video.Size+poster.Size || !h.has(task) {
			t.Errorf("task: %+v", task)
		}
	})
}

// The machine may have no ffmpeg. This one changes the environment, so it is
// alone.
func TestAVideoWithoutAPoster(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	h := build(t, storetest.SQLite(t), options{delay: time.Millisecond})
	h.session("account-0000000001", 1)
	if task := h.made(admin); len(task.Artifacts) != 1 || task.Artifacts[0].Width != 480 {
		t.Errorf("task: %+v", task)
	}
}

func TestASlowReaderHoldsNobodyUp(t *testing.T) {
	each(t, options{delay: time.Millisecond}, func(t *testing.T, h *house) {
		h.session("account-0000000001", 1)
		id := h.submit(h.video(admin, "a boat [[file:hold]]")).ID
		var readers []io.ReadSeekCloser
		eventually(t, func() string {
			mirror := h.queue.Mirror(id, 0)
			if mirror == nil {
				return "the result is not fetched"
			}
			for range 100 {
				reader, err := mirror.Open(t.Context(), func() {})
				if err != nil {
					t.Fatal(err)
				}
				readers = append(readers, reader)
			}
			return ""
		})
		h.control("release/"+h.now(id).Ref, nil)
		task := h.ended(id) // before anybody has read a byte
		for i, reader := range readers {
			var content bytes.Buffer
			if _, err := reader.Seek(int64(i), io.SeekStart); err != nil {
				t.Fatal(err)
			}
			if n, err := io.Copy(&content, reader); err != nil || n != task.Artifacts[0].Size-int64(i) {
				t.Errorf("reader %d: %d bytes, %v", i, n, err)
			}
			if sum := sha256.Sum256(content.Bytes()); i == 0 && hex.EncodeToString(sum[:]) != task.Artifacts[0].SHA256 {
				t.Error("the reader got something else")
			}
			if err := reader.Close(); err != nil {
				t.Error(err)
			}
		}
		eventually(t, func() string {
			if h.queue.Mirror(id, 0) != nil {
				return "the mirror of an ended task is remembered"
			}
			return ""
		})
	})
}
