package api_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jimeng-gateway/jimeng-gateway/store/storetest"
)

// resident is how much memory the process has, in bytes.
func resident(t *testing.T) int64 {
	t.Helper()
	text, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		t.Fatal(err)
	}
	var all, pages int64
	if _, err := fmt.Sscan(string(text), &all, &pages); err != nil {
		t.Fatal(err)
	}
	return pages * int64(os.Getpagesize())
}

// peak runs f and returns how much memory the process had at most more than
// before, which is that of the clients too.
func peak(t *testing.T, f func()) int64 {
	t.Helper()
	debug.FreeOSMemory()
	before := resident(t)
	var most atomic.Int64
	done := make(chan struct{})
	var watch sync.WaitGroup
	watch.Go(func() {
		ticker := time.NewTicker(5 * time.Millisecond)
		defer ticker.Stop()
		for {
			most.Store(max(most.Load(), resident(t)))
			select {
			case <-ticker.C:
			case <-done:
				return
			}
		}
	})
	f()
	close(done)
	watch.Wait()
	return most.Load() - before
}

// A big file and many slow clients cost neither memory nor anybody else's time.
// It runs alone, because it measures the whole process.
func TestBigFilesAndSlowClients(t *testing.T) {
	if testing.Short() {
		t.Skip("reads gigabytes")
	}
	const size = 1 << 30
	most := int64(32 << 20)
	if storetest.Race {
		most *= 8
	}
	g := serve(t, nil).as("")
	id := g.seed("a boat")
	link := g.await(id, "succeeded")["video_url"].(string)
	row, err := shared.store.Task(t.Context(), "", id)
	if err != nil {
		t.Fatal(err)
	}
	name := row.Artifacts[0].Blob
	found, err := filepath.Glob(filepath.Join(shared.dir, "blobs", filepath.Dir(name), "*", filepath.Base(name)))
	if err != nil || len(found) != 1 {
		t.Fatalf("%q, %v", found, err)
	}
	if err := os.Truncate(found[0], size); err != nil { // sparse: the rest is zeros
		t.Fatal(err)
	}
	download := func() {
		t.Helper()
		res := g.open(link)
		defer res.Body.Close()
		buffer := make([]byte, 64<<10) // io.Discard would read in its own way
		n, err := io.CopyBuffer(struct{ io.Writer }{io.Discard}, res.Body, buffer)
		if n != size || err != nil {
			t.Errorf("%d bytes, %v", n, err)
		}
	}
	download() // and so warm up
	if more := peak(t, download); more > most {
		t.Errorf("a download of 1 GiB takes %d MiB", more>>20)
	}

	const clients = 100
	slow := make([]*http.Response, clients)
	took := time.Duration(0)
	more := peak(t, func() {
		for i := range slow {
			slow[i] = g.open(link, "Range", fmt.Sprintf("bytes=%d-", i))
		}
		stop := make(chan struct{})
		var reading sync.WaitGroup
		for _, res := range slow {
			reading.Go(func() { // 10 kB/s
				ticker := time.NewTicker(100 * time.Millisecond)
				defer ticker.Stop()
				for {
					if _, err := io.CopyN(io.Discard, res.Body, 1000); err != nil {
						t.Error(err)
						return
					}
					select {
					case <-ticker.C:
					case <-stop:
						return
					}
				}
			})
		}
		download()
		// Others submit, are served and get their results meanwhile.
		began := time.Now()
		other := g.seed("another boat")
		fast := g.await(other, "succeeded")["video_url"].(string)
		if res, video := g.do("GET", fast, "", nil); res.StatusCode != http.StatusOK || !bytes.Contains(video[:12], []byte("ftyp")) {
			t.Errorf("another file: %s", res.Status)
		}
		took = time.Since(began)
		close(stop)
		reading.Wait()
	})
	for _, res := range slow {
		res.Body.Close()
	}
	if more > most {
		t.Errorf("%d slow clients and a download of 1 GiB take %d MiB", clients, more>>20)
	}
	if took > 10*time.Second {
		t.Errorf("another task took %s beside the slow clients", took)
	}
}
