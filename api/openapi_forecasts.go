package api

import (
	"time"

	"github.com/jimeng-gateway/jimeng-gateway/pool"
	"github.com/jimeng-gateway/jimeng-gateway/queue"
	"github.com/jimeng-gateway/jimeng-gateway/store"
)

// The examples of what is to come: places, forecasts and their reasons.

var examplePlace = &placeView{InKey: 3, OfKey: 12, InQueue: 17, OfQueue: 240}

var exampleETA = &etaView{
	StartsAt: after(4 * time.Minute), FinishesAt: after(6 * time.Minute), Earliest: after(5 * time.Minute), Latest: after(9 * time.Minute),
	Confidence: new(queue.High), Samples: 184,
}

var exampleReasons = []reasonView{
	{Code: queue.AllBusy, Message: "all slots of 3 sessions are taken"},
	{Code: queue.OthersFirst, Message: "16 tasks that wait for the same sessions go first, 2 of the key's own"},
}

var exampleExplanation = explainAnswer{
	TaskID: exampleID, Status: store.Queued, Reasons: exampleReasons, Place: examplePlace, ETA: exampleETA, NextSlotAt: after(20 * time.Second),
	Attempts: []attemptView{}, Sessions: []judgedView{
		{ID: exampleSessionID, State: store.Ready, Code: pool.SessionBusy},
		{ID: "ses_01k9txw3b5n7m9v1c3x5z7k9kk", State: store.Cooling, Until: after(10 * time.Minute), Code: pool.SessionCooling},
	},
}

var exampleEstimate = estimateAnswer{
	Valid: true, Errors: []estimateError{}, Credits: new(40.0), Place: examplePlace, ETA: exampleETA, WhyNotSooner: exampleReasons,
}

var examplePool = poolAnswer{
	PoolSummary: PoolSummary{
		Upstreams: []upstreamView{{Name: "free_api", Configured: true, Running: 38, Limit: new(40), Models: 21}},
		Slots:     44, Free: 2, Running: 38, Waiting: waitingView{Tasks: 214, Keys: 5, Since: after(-time.Hour)}, NextSlotAt: after(0),
	},
	Sessions: []pooledView{{SessionFields: *exampleSession, Code: pool.SessionReady, Message: "1 of its 2 slots are free", Free: 1}},
}

var exampleProbes = probePoolAnswer{Working: 1, Results: []probeResult{{OK: true, Message: "works, 860 credits", Session: exampleSession}}}
