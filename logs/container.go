package logs

import "time"

// Container is how a container is, as Docker said when it was last asked.
type Container struct {
	Name      string    // as configured
	ID        string    // Docker's, "" if there is no such container
	Image     string    //
	Running   bool      //
	State     string    // Docker's word: running, exited, paused, restarting …; "missing" if there is no such container, "unknown" if Docker cannot be asked
	Health    string    // healthy, unhealthy, starting; "" without a health check
	StartedAt time.Time //
	EndedAt   time.Time // of the last run, zero while it runs
	ExitCode  int       // of the last run
	Restarts  int       // by Docker, since the container was made
	Reason    string    // why there is no more to tell, "" if there is
	Load      []Load    // of the last minutes, oldest first
}

// Load is what a container used at a moment.
type Load struct {
	At     time.Time
	CPU    float64 // cores: 1 is one core fully used
	Memory int64   // bytes, without the page cache
	Limit  int64   // bytes of memory that it may use, 0 for no limit
}
