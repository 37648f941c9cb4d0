package e2e

import (
	"fmt"
	"strings"
	"time"
)

// want is how tasks with a prompt end that no crash has left in doubt.
type want struct {
	directive string
	refused   int    // submits that get a 429 first
	errorKind string // "" for success
	paid      bool
	material  bool // a file of its own goes along
	cancelled bool // somebody asked for that, perhaps too late
}

// ended waits until every task has.
func (c *crash) ended() {
	c.t.Helper()
	c.eventually(3*time.Minute, func() string {
		s := c.stats()
		if open := s["queued"] + s["submitting"] + s["polling"] + s["downloading"]; open > 0 {
			return fmt.Sprint(s)
		}
		return ""
	})
}

// usable sends one more task, which must succeed.
func (c *crash) usable() {
	c.t.Helper()
	c.wants["boat-usable"] = want{paid: true}
	id, _, err := c.seedance("boat-usable")
	if err != nil {
		c.t.Fatal(err)
	}
	var answer struct {
		Task task `json:"task"`
	}
	c.eventually(time.Minute, func() string {
		if _, err := c.call("GET", "/api/v1/tasks/"+id, nil, &answer); err != nil || answer.Task.Status != "succeeded" {
			return fmt.Sprintf("the pool is not usable: %+v %v", answer.Task, err)
		}
		return ""
	})
}

// judge says what is wrong with how a task has ended.
func (c *crash) judge(row *row) string {
	problem := c.wrong(row)
	if problem == "" {
		return ""
	}
	return fmt.Sprintf("task %s (%s) is %s %s %q %s after crashes at %q", row.id, row.prompt, row.status, row.errorKind, row.errorMessage, problem, c.met[row.id])
}

func (c *crash) wrong(row *row) string {
	w := c.wants[row.name]
	doubtful := false
	for _, p := range c.met[row.id] {
		doubtful = doubtful || p.doubtful()
	}
	inDoubt := row.status == "failed" && row.errorKind == "in_doubt"
	switch {
	case row.status == "cancelled" && w.cancelled && row.retryOf == "":
		return ""
	case doubtful && !inDoubt:
		return "and should be in doubt,"
	case doubtful && !strings.Contains(row.errorMessage, "may have accepted"):
		return "and does not say what that means,"
	case doubtful:
		return ""
	case row.status != "succeeded" && w.errorKind == "":
		return "and should have succeeded,"
	case w.errorKind != "" && row.errorKind != w.errorKind:
		return "and should have failed with " + w.errorKind
	}
	if w.paid != (len(c.paidFor[row.name]) > 0) {
		return fmt.Sprintf("and was paid %d times,", len(c.paidFor[row.name]))
	}
	return ""
}

// receipts compares what the gateway remembers of its submits with what the
// upstream has accepted. A task may have at most one submit that is or may be
// paid; one that is known to be rejected, or was never sent, must not be paid.
func (c *crash) receipts(r *records) (problems []string) {
	r.t.Helper()
	names := map[string]string{}
	tasks := r.tasks("1 = 1")
	for _, task := range tasks {
		names[task.id] = task.name
	}
	perhaps := map[string]int{}  // by task: submits that are paid, or may be
	unnamed := map[string]int{}  // by name: of these, those whose id the upstream did not tell
	known := map[string]string{} // by the upstream's id: the task's name
	attempts := map[string]int{} // by name
	for _, a := range r.attempts() {
		attempts[names[a.task]]++
		switch a.state {
		case "accepted":
			perhaps[a.task]++
			if a.ref != "" {
				known[a.ref] = names[a.task]
			} else {
				unnamed[names[a.task]]++
			}
		case "in_doubt", "sending":
			perhaps[a.task]++
			unnamed[names[a.task]]++
		}
	}
	for _, task := range tasks {
		if n := perhaps[task.id]; n > 1 {
			problems = append(problems, fmt.Sprintf("task %s (%s) has %d submits that may be paid", task.id, task.prompt, n))
		} else if n > 0 && task.money == "not_started" {
			problems = append(problems, fmt.Sprintf("task %s (%s) says that nothing was spent", task.id, task.prompt))
		}
	}
	for name, submits := range c.paidFor {
		if len(submits) > attempts[name] {
			problems = append(problems, fmt.Sprintf("%s was paid %d times in %d attempts", name, len(submits), attempts[name]))
		}
		for _, s := range submits {
			switch of, ok := known[s.ID]; {
			case ok && of != name:
				problems = append(problems, fmt.Sprintf("%s has the result of %s", of, name))
			case ok:
				delete(known, s.ID)
			default:
				if unnamed[name]--; unnamed[name] < 0 {
					problems = append(problems, fmt.Sprintf("%s was paid once more than the gateway knows", name))
				}
			}
		}
	}
	for _, name := range known {
		problems = append(problems, fmt.Sprintf("%s was taken for accepted and is not", name))
	}
	return problems
}
