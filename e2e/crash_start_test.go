package e2e

import (
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jimeng-gateway/jimeng-gateway/store/storetest"
)

// A first start that is killed, at whatever moment between the empty database and
// the first answer, is no reason for the next one to fail.
func TestKilledInTheFirstStart(t *testing.T) {
	t.Parallel()
	const moments = 5
	storetest.Each(t, func(t *testing.T, database string) {
		w := newWorld(t, "fork", "0s")
		fresh := func(name string) {
			w.env = append(w.env, "PATH=", "POLL_INTERVAL_SECS=100ms", "DATA_DIR="+filepath.Join(w.dir, name),
				"DATABASE_URL=sqlite://"+filepath.Join(w.dir, name+".db"))
			if strings.HasPrefix(database, "postgres") {
				w.env = append(w.env, "DATABASE_URL="+storetest.Postgres(t))
			}
		}
		fresh("first")
		began := time.Now()
		w.start()
		took := time.Since(began)
		w.kill()
		for i := range moments {
			fresh(fmt.Sprint("data", i))
			// Once to get into the middle, and once more into what that has left.
			for range 2 {
				w.launch()
				<-time.After(took*time.Duration(i)/moments + rand.N(took/moments))
				w.kill()
			}
			w.start()
			w.sessions(1, 1)
			id, _, err := w.seedance("boat")
			if err != nil {
				t.Fatal(err)
			}
			var answer struct {
				Task task `json:"task"`
			}
			w.eventually(time.Minute, func() string {
				if _, err := w.call("GET", "/api/v1/tasks/"+id, nil, &answer); err != nil || answer.Task.Status != "succeeded" {
					return fmt.Sprintf("killed in part %d of the start: %+v %v", i+1, answer.Task, err)
				}
				return ""
			})
			w.kill()
		}
	})
}
