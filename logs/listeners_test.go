package logs_test

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/jimeng-gateway/jimeng-gateway/logs"
	"github.com/jimeng-gateway/jimeng-gateway/store/storetest"
)

// A thousand listeners get all that a busy container writes, over one connection to
// Docker, and for less than one core.
func TestThousandListeners(t *testing.T) {
	e := dockerEngine(t)
	const listeners, seconds, rate = 1000, 6, 5000
	name := uniqueName()
	p := newProxy(t, strings.TrimPrefix(e.host, "unix://"))
	d := follow(t, "tcp://"+p.address, name)
	log, _ := d.Log(name)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var wg sync.WaitGroup
	var got [listeners]int
	var late, worst atomic.Int64
	for i := range listeners {
		wg.Go(func() {
			cursor := log.View().End
			for {
				blocks, behind, skipped, err := next(ctx, log, cursor)
				if err != nil {
					return
				}
				cursor = behind
				if skipped > 0 {
					t.Errorf("listener %d has missed %d lines", i, skipped)
				}
				for _, b := range blocks {
					for _, line := range b.Lines {
						if line.Stream != logs.Marker {
							got[i]++
						}
					}
					age := time.Since(b.Lines[len(b.Lines)-1].Time)
					for old := worst.Load(); int64(age) > old && !worst.CompareAndSwap(old, int64(age)); old = worst.Load() {
					}
					if age > 100*time.Millisecond {
						late.Add(1)
					}
				}
				if got[i] >= seconds*rate {
					return
				}
			}
		})
	}
	e.start(t, name, run{}, fmt.Sprintf("count,%d", 1_000_000/rate))
	r := read(t, d, name)
	r.text("line 1000")
	began, used := time.Now(), cpuTime()
	done := make(chan struct{})
	go func() {
		wg.Wait()
		close(done)
	}()
	select {
	case <-done:
	case <-time.After(soon):
		cancel()
		<-done
		t.Fatalf("not all came; the first listener has %d lines", got[0])
	}
	span := time.Since(began)
	cores := (cpuTime() - used).Seconds() / span.Seconds()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	t.Logf("%d listeners, %d lines each in %s: %.2f cores, %d MiB of heap, %d MiB resident, %d connections, the last line of a block at most %s old (%d deliveries above 100 ms)",
		listeners, seconds*rate, span.Round(time.Millisecond), cores, m.HeapInuse>>20, resident()>>20, p.open.Load(), time.Duration(worst.Load()).Round(time.Millisecond), late.Load())
	if cores > 1 && !storetest.Race {
		t.Errorf("took %.2f cores", cores)
	}
	if open := p.open.Load(); open > 4 { // the log, and calls for the state
		t.Errorf("%d connections to Docker are open", open)
	}
}

func cpuTime() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func resident() (n int) {
	text, _ := os.ReadFile("/proc/self/statm")
	_, _ = fmt.Sscanf(string(text), "%d %d", new(int), &n)
	return n * os.Getpagesize()
}
