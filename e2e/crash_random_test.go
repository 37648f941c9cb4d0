package e2e

import (
	"bytes"
	"cmp"
	"encoding/base64"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"math/rand/v2"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jimeng-gateway/jimeng-gateway/store/storetest"
)

// number is a setting of a test, from the environment.
func number(t *testing.T, name string, otherwise int) int {
	t.Helper()
	text := os.Getenv(name)
	if text == "" {
		return otherwise
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		t.Fatalf("%s=%q is no number above 0", name, text)
	}
	return n
}

// The gateway is killed again and again at random moments, also while it starts,
// and clients send, cancel and retry tasks meanwhile, as often as it takes to get
// an answer. Nothing is lost, stuck or paid twice; the table of what the crashes
// met is printed at the end. The long form takes half an hour on two cores:
//
//	E2E_KILLS=1000 E2E_TASKS=10000 GATEWAY_BINARY=$PWD/bin/jimeng-gateway go test -count=1 -timeout 3h -v -run TestRandomKills ./e2e
//
// E2E_SEED repeats what the clients do and when the gateway is killed, as far as
// the machine's own timing lets it.
func TestRandomKills(t *testing.T) {
	kills, tasks := number(t, "E2E_KILLS", 15), number(t, "E2E_TASKS", 300)
	seed := number(t, "E2E_SEED", rand.N(1_000_000)+1)
	t.Parallel()
	storetest.Each(t, func(t *testing.T, database string) {
		t.Logf("%d kills, %d tasks, E2E_SEED=%d", kills, tasks, seed)
		r := &randomKills{crash: newCrash(t, database, "fork", "200ms", "300ms", "PATH="), seed: uint64(seed), ids: map[string]string{}}
		r.wire.latency = 30 * time.Millisecond
		r.sessions(12, 3)
		r.play(kills, tasks)
	})
}

type randomKills struct {
	*crash
	seed uint64

	mu       sync.Mutex        // also for wants
	ids      map[string]string // of the first task of a name
	retries  int
	again    int // requests that got no answer and were sent again
	refusals int // the same after a 5xx
}

// wanted is what is tried, more often what stands here more often.
var wanted = []want{
	{paid: true}, {paid: true}, {paid: true}, {paid: true}, {paid: true}, {paid: true}, {paid: true}, {paid: true},
	{directive: "[[delay:1500ms]]", paid: true},
	{directive: "[[delay:0s]]", paid: true},
	{directive: "[[queue:37/812]]", paid: true},
	{directive: "[[file:cut:1]]", paid: true},
	{directive: "[[file:short:1]]", paid: true},
	{refused: 1, paid: true},
	{refused: 2, paid: true},
	{material: true, paid: true}, {material: true, paid: true},
	{directive: "[[fault:content_violation@submit]]", errorKind: "content_risk"},
	{directive: "[[fault:2047@generation:string]]", errorKind: "content_risk", paid: true},
}

func (r *randomKills) play(kills, tasks int) {
	rng := rand.New(rand.NewPCG(r.seed, 0))
	next := make(chan int)
	var clients sync.WaitGroup
	for range 12 {
		clients.Go(func() {
			for i := range next {
				r.client(i, rand.New(rand.NewPCG(r.seed, uint64(i)+1)))
			}
		})
	}
	began, starts := time.Now(), 0
	for k := range kills {
		var feed sync.WaitGroup
		feed.Go(func() {
			for i := k * tasks / kills; i < (k+1)*tasks/kills; i++ {
				next <- i
			}
		})
		if rng.IntN(4) == 0 {
			starts++
			<-time.After(time.Duration(rng.IntN(700)) * time.Millisecond) // anywhere in the start, or shortly after
		} else {
			r.waitFor(r.gateway + "/ping")
			<-time.After(time.Duration(rng.IntN(600)) * time.Millisecond)
		}
		if rng.IntN(8) == 0 {
			r.stop() // and does not get the time for it
			<-time.After(time.Duration(rng.IntN(300)) * time.Millisecond)
		}
		r.die()
		for _, row := range r.autopsy() {
			r.met[row.id] = append(r.met[row.id], row.point)
		}
		r.bornAt = time.Now()
		r.launch()
		feed.Wait()
		if r.t.Failed() {
			r.t.Fatalf("after %d kills", k+1)
		}
		if k%100 == 99 {
			r.t.Logf("%d kills in %s", k+1, time.Since(began).Round(time.Second))
		}
	}
	close(next)
	r.waitFor(r.gateway + "/ping")
	clients.Wait()
	r.ended()
	r.usable()
	r.check(tasks)
	r.t.Logf("%d kills (%d of them soon after the start) over %d tasks and %d retries in %s; %d requests were sent again without an answer, %d after a 5xx\n%s",
		kills, starts, tasks, r.retries, time.Since(began).Round(time.Second), r.again, r.refusals, r.table())
}

// until repeats a request until it gets an answer.
func (r *randomKills) until(request func() (status int, err error)) (int, error) {
	for deadline := time.Now().Add(time.Minute); ; {
		status, err := request()
		switch {
		case err == nil, status != 0 && status < 500, time.Now().After(deadline):
			return status, err
		case status == 0:
			r.count(&r.again)
		default:
			r.count(&r.refusals)
		}
		<-time.After(50 * time.Millisecond)
	}
}

func (r *randomKills) count(n *int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	*n++
}

// client sends one task, and may cancel or retry it.
func (r *randomKills) client(i int, rng *rand.Rand) {
	w := wanted[rng.IntN(len(wanted))]
	name := fmt.Sprintf("boat-%d", i)
	r.mu.Lock()
	r.wants[name] = w
	r.mu.Unlock()
	if w.refused > 0 {
		r.wire.refuse(name, w.refused)
	}
	<-time.After(time.Duration(rng.IntN(300)) * time.Millisecond)
	var created struct {
		Task task `json:"task"`
	}
	body := map[string]any{"model": "seedance-2.0", "prompt": strings.TrimSpace(name + " " + w.directive)}
	if w.material {
		body["files"] = []string{"data:image/png;base64," + base64.StdEncoding.EncodeToString(picture(r.t, i))}
	} else {
		body["file_paths"] = []string{"https://1.1.1.1/boat.png"}
	}
	if _, err := r.until(func() (int, error) { return r.callOnce("/api/v1/tasks", name, body, &created) }); err != nil {
		r.t.Errorf("submit %s: %v", name, err)
		return
	}
	id := created.Task.ID
	r.mu.Lock()
	r.ids[name] = id
	r.mu.Unlock()
	switch rng.IntN(16) {
	case 0, 1:
		<-time.After(time.Duration(rng.IntN(800)) * time.Millisecond)
		r.mu.Lock()
		w.cancelled = true
		r.wants[name] = w
		r.mu.Unlock()
		if status, err := r.until(func() (int, error) { return r.call("POST", "/api/v1/tasks/"+id+"/cancel", nil, nil) }); err != nil && status != http.StatusConflict {
			r.t.Errorf("cancel %s: %v", name, err)
		}
	case 2:
		r.retry(name, id)
	}
}

// picture is a small one that is like no other.
func picture(t *testing.T, i int) []byte {
	img := image.NewGray16(image.Rect(0, 0, 4, 4))
	img.SetGray16(0, 0, color.Gray16{Y: uint16(i)})
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		t.Error(err)
	}
	return b.Bytes()
}

func (r *randomKills) retry(name, id string) {
	// How long it takes until there is something to retry is not asked here.
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); <-time.After(100 * time.Millisecond) {
		status, err := r.until(func() (int, error) {
			return r.callOnce("/api/v1/tasks/"+id+"/retry", "retry "+name, nil, nil)
		})
		switch {
		case err == nil:
			r.count(&r.retries)
			return
		case status != http.StatusConflict:
			r.t.Errorf("retry %s: %v", name, err)
			return
		}
	}
}

func (r *randomKills) check(tasks int) {
	r.t.Helper()
	stats := r.stats()
	r.playable()
	r.term()
	if err := r.wire.drain(r.wireURL); err != nil {
		r.t.Fatal(err)
	}
	r.takeLedger()
	records := openRecords(r.t, r.database)
	defer records.close()
	for _, problem := range slices.Concat(records.books(), r.receipts(records), r.listener.missed(records)) {
		r.t.Error(problem)
	}
	statuses := records.counts("SELECT status, count(*) FROM tasks GROUP BY status")
	for _, status := range []string{"succeeded", "failed", "cancelled"} {
		if stats[status] != statuses[status] {
			r.t.Errorf("stats say %v, the rows %v", stats, statuses)
		}
	}
	first := 0
	for _, row := range records.tasks("1 = 1") {
		if row.retryOf == "" {
			first++
			if id := r.ids[row.name]; id != row.id && row.name != "boat-usable" {
				r.t.Errorf("task %s (%s) is one that no client has heard of, but of %q", row.id, row.prompt, id)
			}
		}
		if problem := r.judge(row); problem != "" {
			r.t.Error(problem)
		}
	}
	if first != tasks+1 {
		r.t.Errorf("there are %d tasks, %d were sent", first, tasks+1)
	}
	if retries := records.number("SELECT count(*) FROM tasks WHERE retry_of <> ''"); retries != r.retries {
		r.t.Errorf("there are %d retries, %d were sent", retries, r.retries)
	}
}

// playable fetches the beginning of every result.
func (r *randomKills) playable() {
	r.t.Helper()
	records := openRecords(r.t, r.database)
	succeeded := records.tasks("t.status = 'succeeded'")
	records.close()
	parallel(len(succeeded), 8, func(i int) {
		id := succeeded[i].id
		var answer struct {
			Task task `json:"task"`
		}
		if _, err := r.call("GET", "/api/v1/tasks/"+id, nil, &answer); err != nil {
			r.t.Errorf("read task: %v", err)
			return
		}
		if err := r.plays(answer.Task.VideoURL); err != nil {
			r.t.Errorf("video of task %s: %v", id, err)
		}
	})
}

// table shows how many tasks the crashes met at each point, and how these ended.
func (r *randomKills) table() string {
	records := openRecords(r.t, r.database)
	defer records.close()
	outcomes := map[point]map[string]int{}
	for _, row := range records.tasks("1 = 1") {
		outcome := row.status
		if row.status == "failed" {
			outcome = cmp.Or(row.errorKind, "failed")
		}
		for _, p := range r.met[row.id] {
			if outcomes[p] == nil {
				outcomes[p] = map[string]int{}
			}
			outcomes[p][outcome]++
			outcomes[p]["all"]++
		}
	}
	var b strings.Builder
	b.WriteString("| the crash met a task | tasks | succeeded | in doubt | refused by the upstream | cancelled |\n|---|---|---|---|---|---|\n")
	for _, p := range points {
		o := outcomes[p]
		fmt.Fprintf(&b, "| %s | %d | %d | %d | %d | %d |\n", p, o["all"], o["succeeded"], o["in_doubt"], o["content_risk"], o["cancelled"])
	}
	return b.String()
}
