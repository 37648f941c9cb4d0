package api

import (
	"net/http"

	"github.com/jimeng-gateway/jimeng-gateway/upstream"
)

const (
	// imagesPerTask is what the upstream makes of one request, and charges for,
	// however many the client wants to see.
	imagesPerTask = 4
	// maxComposed is how many images one composition takes.
	maxComposed = 10
)

// createImages serves POST /v1/images/generations, which answers with the images.
func (a *api) createImages(w http.ResponseWriter, r *http.Request) {
	a.answerImages(w, r, a.newCreate(imageFields, upstream.Image))
}

// composeImages serves POST /v1/images/compositions, which needs images to make
// others from.
func (a *api) composeImages(w http.ResponseWriter, r *http.Request) {
	c := a.newCreate(imageFields, upstream.Image)
	c.composes = true
	a.answerImages(w, r, c)
}

// answerImages waits for the end, however long that takes: the task has a
// deadline of its own.
func (a *api) answerImages(w http.ResponseWriter, r *http.Request, c *create) {
	task, err := a.create(w, r, c)
	if err == nil {
		task, err = a.await(r, task, 0)
	}
	if err != nil {
		a.fail(w, r, err)
		return
	}
	n := c.n
	if n == 0 {
		n = imagesPerTask
	}
	a.answerResult(w, r, task, n, c.format)
}
