package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// usage is what a process has used: processor time, and memory now.
func (w *world) usage() (cpu time.Duration, rss int64) {
	w.t.Helper()
	pid := w.process.Process.Pid
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		w.t.Skipf("the system does not tell what a process uses: %v", err)
	}
	fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))
	ticks := int64(0)
	for _, field := range fields[11:13] { // utime and stime, in hundredths of a second
		n, err := strconv.ParseInt(field, 10, 64)
		if err != nil {
			w.t.Fatal(err)
		}
		ticks += n
	}
	pages, err := strconv.ParseInt(fields[21], 10, 64)
	if err != nil {
		w.t.Fatal(err)
	}
	return time.Duration(ticks) * 10 * time.Millisecond, pages * int64(os.Getpagesize())
}

// Ten thousand tasks are open at the upstream for a while, and as many wait: all of
// them are polled in time, the gateway stays small, and it ends all of them.
func TestTenThousandOpenTasks(t *testing.T) {
	if os.Getenv("E2E_LONG") == "" {
		t.Skip("only with E2E_LONG=1m and the like; a thousand are in TestStopWithAThousandRunningTasks")
	}
	span := long(t)
	const tasks = 10_000
	w := newWorld(t, "fork", (span + 2*time.Minute).String())
	w.env = append(w.env, "POLL_INTERVAL_SECS=10")
	w.start()
	w.sessions(100, 100)
	w.submitted(tasks, "polling")
	rows := openRecords(t, "sqlite://"+filepath.Join(w.dir, "gateway.db"))
	defer rows.close()
	polls := func(what string) int { return rows.number("SELECT " + what + "(polls) FROM tasks") }
	before, _ := w.usage()
	first := polls("sum")
	began := time.Now()
	<-time.After(span)
	cpu, rss := w.usage()
	least, most, all := polls("min"), polls("max"), polls("sum")
	took := time.Since(began)
	t.Logf("%d open tasks over %v: %.0f polls a second, between %d and %d of a task, %.2f cores, %d MiB", tasks, took.Round(time.Second),
		float64(all-first)/took.Seconds(), least, most, (cpu-before).Seconds()/took.Seconds(), rss>>20)
	if want := int(took.Seconds()/11.2) - 1; least < want {
		t.Errorf("a task was polled %d times in %v, want %d", least, took, want)
	}
	w.eventually(10*time.Minute, func() string {
		if s := w.stats(); s["succeeded"] != tasks {
			return fmt.Sprint(s)
		}
		return ""
	})
	w.paidOnce(tasks)
	w.term()
}
