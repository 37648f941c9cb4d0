package api

import (
	"context"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/jimeng-gateway/jimeng-gateway/queue"
	"github.com/jimeng-gateway/jimeng-gateway/store"
)

// placeView is where a queued task stands.
type placeView struct {
	InKey   int  `json:"in_key" example:"3" doc:"Its number among the queued tasks of its key: higher priority first, then the older one. 1 goes next."`
	OfKey   int  `json:"of_key" example:"12" doc:"How many tasks of its key are queued."`
	InQueue int  `json:"in_queue" example:"17" doc:"Its number among all tasks that wait for the same upstreams, in the order in which they will be given a slot: keys take turns by their weight, so it is not a matter of age alone. It is a forecast: who comes later with a better claim goes first."`
	OfQueue int  `json:"of_queue" example:"240" doc:"How many tasks wait for the same upstreams."`
	AtLeast bool `json:"at_least" doc:"True when counting stopped, after some ten thousand: it stands there or further back."`
}

// etaView is when a task probably starts and ends.
type etaView struct {
	StartsAt   *time.Time        `json:"starts_at" doc:"When it probably gets a session. Null for a task that has one, and when nobody can tell."`
	FinishesAt *time.Time        `json:"finishes_at" doc:"When the result is probably there. Null when nobody can tell."`
	Earliest   *time.Time        `json:"earliest" doc:"Four times in five, the result is not there before this moment."`
	Latest     *time.Time        `json:"latest" doc:"Four times in five, the result is there by this moment."`
	Confidence *queue.Confidence `json:"confidence" doc:"high, medium or low: how sure that is, by how many tasks were measured and how far they lie apart. Null without finishes_at."`
	Samples    int               `json:"samples" example:"120" doc:"How many tasks were measured: the last that succeeded with this model, or with any model of the upstream when they are few."`
	Reason     *string           `json:"reason" doc:"Why something cannot be told, in words."`
}

func placeViewOf(p *queue.Place) *placeView {
	if p == nil {
		return nil
	}
	return &placeView{InKey: p.InKey, OfKey: p.OfKey, InQueue: p.InQueue, OfQueue: p.OfQueue, AtLeast: p.AtLeast}
}

func etaViewOf(e *queue.ETA) *etaView {
	if e == nil {
		return nil
	}
	v := &etaView{
		StartsAt: timeOf(e.StartsAt), FinishesAt: timeOf(e.FinishesAt), Earliest: timeOf(e.Earliest), Latest: timeOf(e.Latest),
		Samples: e.Samples, Reason: textOf(e.Reason),
	}
	if e.Confidence != "" {
		v.Confidence = &e.Confidence
	}
	return v
}

// nullable says of members of an answer that are objects that they may be null.
func nullable(s *huma.Schema, members ...string) *huma.Schema {
	for _, name := range members {
		s.Properties[name] = orNull(s.Properties[name])
	}
	return s
}

// forecast adds to a task what is to come of it. Without a forecast the task is
// worth reading all the same, so a fault of it is the operator's only.
func (a *api) forecast(ctx context.Context, v *taskView, t *store.Task) *taskView {
	f, err := a.Queue.Forecast(ctx, t)
	if err != nil {
		a.log(ctx, explain(err))
		return v
	}
	v.Place, v.ETA = placeViewOf(f.Place), etaViewOf(f.ETA)
	return v
}
