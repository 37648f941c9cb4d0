package store_test

import (
	"context"
	"errors"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/jimeng-gateway/jimeng-gateway/store"
	"github.com/jimeng-gateway/jimeng-gateway/store/storetest"
)

// A server that is frozen holds up nobody for long: not a read, not a write, not
// those that wait for a connection behind them, and not the end of the process.
func TestAServerThatSaysNothing(t *testing.T) {
	t.Parallel()
	if os.Getenv(storetest.PostgresURL) == "" {
		t.Skip("there is no PostgreSQL (" + storetest.PostgresURL + ")")
	}
	wire := storetest.NewWire(t, storetest.Postgres(t))
	st := storetest.Open(t, wire.URL)
	wire.Hang()
	began := time.Now()
	var wg sync.WaitGroup
	for range 100 {
		wg.Go(func() {
			if _, err := st.Stats(context.Background(), ""); err == nil {
				t.Error("a read of a frozen server succeeded")
			}
		})
	}
	wg.Go(func() {
		if err := st.Write(context.Background(), store.Durable, func(*store.Tx) error { return nil }); !errors.Is(err, store.ErrUnavailable) {
			t.Errorf("write: %v", err)
		}
	})
	wg.Wait()
	if took := time.Since(began); took > 50*time.Second {
		t.Errorf("it took %v to hear that the server says nothing", took)
	}
	wire.Restore()
	if err := st.Ping(context.Background()); err != nil {
		t.Errorf("after it: %v", err)
	}
	wire.Hang() // until the store has been closed
}
