package logs

import (
	"context"
	"encoding/json"
	"io"
	"time"

	"github.com/docker/docker/api/types/container"
)

// usage is a sample of the CPU time that a container has used since it started.
type usage struct {
	at  time.Time
	cpu uint64 // nanoseconds
}

// sample adds what the container uses to its load.
func (f *follower) sample(ctx context.Context, c *conn, id string) {
	ctx, cancel := context.WithTimeout(ctx, inspectTime)
	defer cancel()
	answer, err := c.ContainerStatsOneShot(ctx, id)
	if err != nil {
		return // the watch of the daemon sees what is wrong
	}
	defer func() { _ = answer.Body.Close() }()
	var stats container.StatsResponse
	if json.NewDecoder(io.LimitReader(answer.Body, answerMost)).Decode(&stats) != nil || stats.Read.IsZero() {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	last := f.state.usage
	f.state.usage = usage{stats.Read, stats.CPUStats.CPUUsage.TotalUsage}
	used := stats.CPUStats.CPUUsage.TotalUsage - last.cpu
	span := stats.Read.Sub(last.at)
	if last.at.IsZero() || span <= 0 || stats.CPUStats.CPUUsage.TotalUsage < last.cpu {
		return // the first sample of a run has nothing to differ from
	}
	f.state.load = append(f.state.load, Load{
		At:     stats.Read,
		CPU:    float64(used) / float64(span),
		Memory: memory(stats.MemoryStats),
		Limit:  f.state.memoryMost,
	})
	for len(f.state.load) > 0 && stats.Read.Sub(f.state.load[0].At) > loadKept {
		f.state.load = f.state.load[1:]
	}
}

// memory is what a container uses without the page cache that the kernel would give
// up at once, as `docker stats` counts it; cgroups have two names for that.
func memory(m container.MemoryStats) int64 {
	for _, name := range []string{"total_inactive_file", "inactive_file"} { // v1, v2
		if cache, ok := m.Stats[name]; ok && cache < m.Usage {
			return int64(m.Usage - cache)
		}
	}
	return int64(m.Usage)
}
