package api

import (
	"context"
	"net/http"

	"github.com/jimeng-gateway/jimeng-gateway/queue"
	"github.com/jimeng-gateway/jimeng-gateway/store"
)

type bulkInput struct {
	Body struct {
		Filter TaskFilter `json:"filter,omitempty" doc:"Which tasks. All that it names must fit."`
		All    bool       `json:"all,omitempty" doc:"Confirms that a filter without any member means every task."`
		DryRun bool       `json:"dry_run,omitempty" doc:"Only count."`
	}
}

type bulkAnswer struct {
	DryRun   bool          `json:"dry_run"`
	Matched  int           `json:"matched" doc:"Tasks that the filter chooses and that the action is possible for."`
	Running  int           `json:"running" doc:"Of these, tasks that an upstream has already and may charge for."`
	Done     int           `json:"done"`
	Skipped  int           `json:"skipped" doc:"Tasks that have moved on meanwhile."`
	Failed   int           `json:"failed"`
	Failures []bulkFailure `json:"failures" nullable:"false" doc:"The first hundred of the failed ones."`
	More     bool          `json:"more" doc:"There may be more: send the request again."`
}

type bulkFailure struct {
	ID      string `json:"id"`
	Code    string `json:"code" doc:"As in the answer for one task."`
	Message string `json:"message"`
}

// bulk makes the handler of an action on many tasks.
func (a *api) bulk(action queue.Action) func(context.Context, *bulkInput) (*body[bulkAnswer], error) {
	return func(ctx context.Context, in *bulkInput) (*body[bulkAnswer], error) {
		if in.Body.Filter.empty() && !in.Body.All {
			return nil, invalid("filter", "chooses every task; name what to choose, or confirm with \"all\": true")
		}
		filter, ok, err := in.Body.Filter.filter(callerOf(ctx))
		if err != nil {
			return nil, err
		}
		if action == queue.RetryAll && len(filter.Statuses) == 0 {
			filter.Statuses = []store.Status{store.Failed}
		}
		result := &queue.Bulk{}
		if ok {
			if result, err = a.Queue.Bulk(ctx, action, a.everyName(filter), in.Body.DryRun); err != nil {
				return nil, err
			}
		}
		if !in.Body.DryRun {
			// Each task has a line of its own, written with its change.
			err := a.Store.Write(context.WithoutCancel(ctx), store.Relaxed, func(tx *store.Tx) error {
				return tx.Audit(store.Act{Action: "task." + string(action) + "_many", TargetKind: "task", Became: store.Facts{
					"filter": in.Body.Filter, "matched": result.Matched, "done": result.Done, "skipped": result.Skipped, "failed": result.Failed}})
			})
			if err != nil { // what is done is done
				a.log(ctx, &apiError{status: http.StatusOK, cause: err})
			}
		}
		answer := bulkAnswer{DryRun: in.Body.DryRun, Matched: result.Matched, Running: result.Running, Done: result.Done,
			Skipped: result.Skipped, Failed: result.Failed, Failures: []bulkFailure{}, More: result.More}
		for _, f := range result.Failures {
			e := explain(f.Err)
			answer.Failures = append(answer.Failures, bulkFailure{f.ID, e.code, e.Error()})
		}
		return reply(answer)
	}
}
