package simulator

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"
)

// The simulator's own paths, without any authentication:
//
//	GET    /_simulator/submits         every paid submit that was accepted, oldest first
//	DELETE /_simulator/submits         forget them and count anew; what runs goes on
//	GET    /_simulator/stats           running and most at once, in all and per token
//	POST   /_simulator/tokens/{token}  {"fault":"NAME","credits":n,"daily":n}, each optional;
//	                                   the fault "" heals the account
//	GET    /_simulator/tokens/{token}  what is known of the account
//	GET    /_simulator/faults          the names of all faults
//	POST   /_simulator/faults          {"fault":"NAME","path":"/v1/","count":n,"delay":"10s"}:
//	                                   what every request (the next n, those to paths that
//	                                   begin so) gets instead of an answer; slow waits for
//	                                   delay first, cut and truncated spoil the answer of
//	                                   what was done; the fault "" ends it
//	POST   /_simulator/release/{id}    lets the files of a generation go on that [[file:hold]] stopped
//	GET    /_simulator/files/{name}    results, by their signed links only
func (s *Server) controlRoutes() {
	s.mux.HandleFunc("GET /_simulator/submits", func(w http.ResponseWriter, _ *http.Request) {
		writeJSON(w, s.Submits())
	})
	s.mux.HandleFunc("DELETE /_simulator/submits", func(w http.ResponseWriter, _ *http.Request) {
		s.ledger.reset(time.Now())
		w.WriteHeader(http.StatusNoContent)
	})
	s.mux.HandleFunc("GET /_simulator/stats", func(w http.ResponseWriter, _ *http.Request) {
		all, tokens := s.Loads()
		writeJSON(w, struct {
			Load
			Tokens map[string]Load `json:"tokens"`
		}{all, tokens})
	})
	s.mux.HandleFunc("POST /_simulator/tokens/{token}", s.changeToken)
	s.mux.HandleFunc("GET /_simulator/tokens/{token}", s.showToken)
	s.mux.HandleFunc("GET /_simulator/faults", func(w http.ResponseWriter, _ *http.Request) {
		names := make([]string, len(faults))
		for i := range faults {
			names[i] = faults[i].name
		}
		writeJSON(w, names)
	})
	s.mux.HandleFunc("POST /_simulator/faults", s.changeFault)
	s.mux.HandleFunc("POST /_simulator/release/{id}", s.release)
}

// Submits returns every paid submit that was accepted, oldest first.
func (s *Server) Submits() []Submit { return s.ledger.list(time.Now()) }

// Loads returns the load of all accounts together and of each token that has
// submitted something.
func (s *Server) Loads() (all Load, tokens map[string]Load) { return s.ledger.loads(time.Now()) }

func (s *Server) changeToken(w http.ResponseWriter, r *http.Request) {
	var change struct {
		Fault   *string `json:"fault"`
		Credits *int    `json:"credits"`
		Daily   *int    `json:"daily"`
	}
	if !readControl(w, r, &change) {
		return
	}
	var p *plan
	clear := change.Fault != nil && *change.Fault == ""
	if change.Fault != nil && !clear {
		var err error
		if p, err = parsePlan(*change.Fault); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
	}
	s.ledger.set(r.PathValue("token"), p, clear, change.Credits, change.Daily)
	s.showToken(w, r)
}

func (s *Server) showToken(w http.ResponseWriter, r *http.Request) {
	token := r.PathValue("token")
	name := ""
	if p := s.ledger.faultOf(token); p != nil {
		name = p.fault.name
	}
	_, loads := s.Loads()
	writeJSON(w, struct {
		Token   string `json:"token"`
		Fault   string `json:"fault"`
		Credits int    `json:"credits"`
		Load
	}{token, name, s.ledger.credits(token), loads[token]})
}

func (s *Server) changeFault(w http.ResponseWriter, r *http.Request) {
	var change struct {
		Fault string `json:"fault"`
		Path  string `json:"path"`
		Count int    `json:"count"`
		Delay string `json:"delay"`
	}
	if !readControl(w, r, &change) {
		return
	}
	var p *plan
	wait := slowAnswer
	var err error
	if change.Fault != "" {
		p, err = parsePlan(change.Fault)
	}
	if change.Delay != "" && err == nil {
		wait, err = time.ParseDuration(change.Delay)
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	s.outage.set(p, change.Path, change.Count, wait)
	w.WriteHeader(http.StatusNoContent)
}

// readControl answers with 400 itself when the body is not what is wanted.
func readControl(w http.ResponseWriter, r *http.Request, into any) bool {
	decoder := json.NewDecoder(http.MaxBytesReader(w, r.Body, 64<<10))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(into); err != nil {
		http.Error(w, fmt.Sprintf("read control request: %v", err), http.StatusBadRequest)
		return false
	}
	return true
}

// outage is a fault of the whole server.
type outage struct {
	mu    sync.Mutex
	fault *fault
	path  string
	left  int // requests that still get it; -1 for all
	delay time.Duration
}

func (o *outage) set(p *plan, path string, count int, delay time.Duration) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.fault, o.path, o.left, o.delay = nil, path, count, delay
	if p != nil {
		o.fault = p.fault
	}
	if count <= 0 {
		o.left = -1
	}
}

// take returns the fault that a request gets, nil for none.
func (o *outage) take(path string) (*fault, time.Duration) {
	o.mu.Lock()
	defer o.mu.Unlock()
	control := strings.HasPrefix(path, "/_simulator/") && !strings.HasPrefix(path, "/_simulator/files/")
	if o.fault == nil || o.left == 0 || control || !strings.HasPrefix(path, o.path) {
		return nil, 0
	}
	if o.left > 0 {
		o.left--
	}
	return o.fault, o.delay
}
