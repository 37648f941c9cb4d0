package api

import "net/http"

// createRoutes has the native way to make a task. Huma does not describe it,
// because it streams.
func (a *api) createRoutes(r *router) {
	r.HandleFunc("POST /api/v1/tasks", a.createTask)
	r.HandleFunc("POST /api/v1/tasks/estimate", a.estimate)
}

// createTask serves POST /api/v1/tasks, for videos and images alike.
func (a *api) createTask(w http.ResponseWriter, r *http.Request) {
	task, err := a.create(w, r, a.newCreate(taskFields, ""))
	if err != nil {
		a.fail(w, r, err)
		return
	}
	writeJSON(w, http.StatusCreated, &taskAnswer{a.taskView(callerOf(r.Context()).base, task)})
}
