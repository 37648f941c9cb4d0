package api_test

import (
	"net/http"
	"strings"
	"testing"
)

// PostgreSQL takes NUL and broken UTF-8 for an error of its own; to a client
// they are ids that do not exist, on every database.
func TestIdsThatNoDatabaseHolds(t *testing.T) {
	t.Parallel()
	g := serve(t, nil)
	for _, path := range []string{"tasks/%00", "tasks/%ff", "keys/%00", "sessions/%ff"} {
		g.json("GET", "/api/v1/"+path, "", http.StatusNotFound)
	}
	g.json("GET", "/api/v1/tasks?cursor=%00", "", http.StatusBadRequest)
	long := `{"model":"jimeng-video-3.0","prompt":"` + strings.Repeat("a", 65<<10) + `"}`
	g.json("POST", "/v1/videos/generations", long, http.StatusBadRequest)
}
