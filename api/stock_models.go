package api

import (
	"net/http"

	"github.com/jimeng-gateway/jimeng-gateway/upstream"
)

type modelList struct {
	Object string      `json:"object"`
	Data   []modelItem `json:"data"`
}

// modelItem is a model as OpenAI's clients expect it, with what it can do.
type modelItem struct {
	upstream.Model
	Object  string `json:"object"`
	OwnedBy string `json:"owned_by"`
}

// listModels serves GET /v1/models.
func (a *api) listModels(w http.ResponseWriter, r *http.Request) {
	list := modelList{Object: "list", Data: []modelItem{}}
	for _, model := range a.Queue.ModelsFor(callerOf(r.Context()).Key) {
		list.Data = append(list.Data, modelItem{model.Model, "model", "jimeng-gateway"})
	}
	writeJSON(w, http.StatusOK, list)
}
