package logs_test

import (
	"slices"
	"testing"

	"go.uber.org/zap"

	"github.com/jimeng-gateway/jimeng-gateway/health"
	"github.com/jimeng-gateway/jimeng-gateway/logs"
)

// Configurations lie on each other, come and go in any order, and what stays keeps
// its log.
func TestConfigure(t *testing.T) {
	t.Parallel()
	d := logs.NewDocker(logs.DockerConfig{Host: "unix://" + t.TempDir() + "/no.sock", Logger: zap.NewNop()})
	defer d.Close()
	if h := d.Health(); h.State != health.Off || len(d.Names()) != 0 || len(d.Containers()) != 0 {
		t.Errorf("%+v", h)
	}
	names := func(want ...string) {
		t.Helper()
		if got := d.Names(); !slices.Equal(got, want) {
			t.Errorf("the names are %v, want %v", got, want)
		}
	}
	revertFirst := d.Configure([]string{"a1", "b1"})
	names("a1", "b1")
	a, _ := d.Log("a1")
	b, _ := d.Log("b1")

	revertSecond := d.Configure([]string{"b1", "c1"})
	names("b1", "c1")
	if _, ok := d.Log("a1"); ok {
		t.Error("a1 is not configured any more")
	}
	revertSecond() // as if it had failed
	names("a1", "b1")
	if same, ok := d.Log("a1"); !ok || same != a {
		t.Error("a1 has another log")
	}

	d.Configure([]string{"b1", "c1"})
	revertFirst()
	names("b1", "c1")
	if same, _ := d.Log("b1"); same != b {
		t.Error("b1 has another log")
	}
	revertThird := d.Configure([]string{"a1"})
	if again, ok := d.Log("a1"); !ok || again == a {
		t.Error("a1 has the log of a configuration that was taken away")
	}
	revertThird()
	names("b1", "c1")
	d.Configure(nil)
	if d.Health().State != health.Off {
		t.Error("nothing is configured")
	}
	d.Close()
	d.Configure([]string{"z1"}) // too late, and no harm
}
