package api

import (
	"cmp"
	"net/http"
	"slices"

	"github.com/danielgtaylor/huma/v2"

	"github.com/jimeng-gateway/jimeng-gateway/upstream"
)

// errorCode is one of the codes by which programs tell errors apart. They never
// change their meaning. docs/errors.md is written from this table.
type errorCode struct {
	Code   string
	Status int
	Cause  string
	WayOut string
}

var errorCodes = []errorCode{
	{"invalid_request", http.StatusBadRequest, "A field is missing, unknown, of the wrong type or out of range, or the body cannot be read.",
		"The message names the field and what is allowed. Nothing was stored and nothing is paid."},
	{"invalid_cursor", http.StatusBadRequest, "The cursor was changed, or belongs to another key or another filter.", "Begin with the first page, or send the filter that the cursor was made for."},
	{"invalid_size", http.StatusBadRequest, "The upstream makes no images of this size.", "The message lists the sizes; or use `ratio` and `resolution`."},
	{"invalid_logout_token", http.StatusBadRequest, "A provider's logout token cannot be trusted, is too old, or was used before.", "Check issuer and client of the provider. Admins find the cause in the log."},
	{"fetch_failed", http.StatusBadRequest, "A material that is a URL could not be fetched, or is within a private network.", "The message says why. Upload the file instead, or make the URL public."},

	{"missing_key", http.StatusUnauthorized, "The request carries no API key and no browser session.", "Send `Authorization: Bearer gw_…`, or sign in."},
	{"invalid_key", http.StatusUnauthorized, "No key is like this one: mistyped, deleted, or replaced by a new secret.", "Ask an admin for a key, or for a new secret of yours."},
	{"disabled_key", http.StatusUnauthorized, "An admin has disabled the key.", "Ask an admin to enable it."},
	{"expired_key", http.StatusUnauthorized, "The key's time is over.", "Ask an admin for a later `expires_at`."},
	{"rotated_key", http.StatusUnauthorized, "The key has got a new secret, and the grace in which the old one worked as well is over.", "Use the new secret; ask an admin for it."},
	{"invalid_token", http.StatusUnauthorized, "The access token is not of the configured provider, not for this API, expired, or no access token at all.", "Get a fresh one for the audience of this API. Admins find the cause in the log."},
	{"signed_out", http.StatusUnauthorized, "The browser session is over, or its key was deleted or got a new secret.", "Sign in again."},

	{"missing_scope", http.StatusForbidden, "The key lacks the scope that the endpoint needs.", "The message names the scope; an admin can give it to the key."},
	{"no_role", http.StatusForbidden, "The provider knows the person, but nothing that it says gives them a role here.", "An admin gives them a group or role at the provider, or maps one in the configuration; `GET /api/v1/admin/oidc/preview` tries it."},
	{"address_not_allowed", http.StatusForbidden, "The key must not be used from the address that the request comes from.",
		"Use it from one of the addresses that the message names, or ask an admin to add yours to the key's `networks`. Behind a proxy, an admin checks that the gateway trusts it."},
	{"model_not_allowed", http.StatusForbidden, "The key may use some models only, and this is none of them.", "`GET /api/v1/models` lists those that it may use; an admin can change its `models`."},
	{"priority_not_allowed", http.StatusForbidden, "The task asks for a higher priority than its key may have.", "Ask for the one that the message names, or less; an admin can change `max_priority`."},
	{"cross_origin", http.StatusForbidden, "A page of another origin has sent the request with the browser's cookie.", "Use an API key: the cookie is for the gateway's own pages."},
	{"loopback_only", http.StatusForbidden, "Authentication is off, and the request does not come straight from this machine.",
		"Switch authentication on, or say `auth off insecure` in the configuration if everybody may be an admin."},
	{"link_expired", http.StatusForbidden, "The time of a link to a file is over.", "Read the task or the material again: it has a fresh link. The file itself stays."},
	{"link_invalid", http.StatusForbidden, "A link to a file was changed or cut off.", "Use the link as it is in the answer, with its whole query."},

	{"not_found", http.StatusNotFound, "It does not exist, or belongs to another key.", "Check the id, and that the key is the one that made it."},
	{"no_single_sign_on", http.StatusNotFound, "No OpenID provider is configured.", "Sign in with an API key."},
	{"unknown_path", http.StatusNotFound, "There is no endpoint with this path.", "The page `/api/docs` lists them all."},
	{"method_not_allowed", http.StatusMethodNotAllowed, "The endpoint exists, but not with this method.", "The header `Allow` lists the methods."},
	{"body_timeout", http.StatusRequestTimeout, "The body of the request did not arrive in time.", "Send it again over a faster line, or a smaller one."},

	{"conflict", http.StatusConflict, "The same thing exists already, such as a session with this login.", "Use or change the one that is there."},
	{"restart_off", http.StatusConflict, "The gateway may not restart containers.", "An admin says `container_restart on` in the configuration, or restarts the container by other means."},
	{"session_busy", http.StatusConflict, "A task is running on the session that should be removed.", "Disable the session, and remove it when the task has ended."},
	{"session_out_of_service", http.StatusConflict, "The session that should be cooled is disabled or dead, or the one that should be brought back is disabled.",
		"Enable it first; a dead one can be brought back once its account works again."},
	{"material_in_use", http.StatusConflict, "A stored task uses the material that should be deleted.", "Delete the task first, or leave the material: unused ones go by themselves."},
	{"material_gone", http.StatusConflict, "A material of the request was deleted while the request was on its way.", "Send the request again, or upload the material again."},
	{"task_cancelled", http.StatusConflict, "The task was cancelled while the request waited for its result.", "Send the request again if the result is wanted after all."},
	{"task_ended", http.StatusConflict, "The task has succeeded, failed or been cancelled already.", "Nothing is left to cancel; read the task."},
	{"task_not_ended", http.StatusConflict, "Only a task that has ended can be sent again or deleted.", "Wait for its end, or cancel it first."},

	{"task_deleted", http.StatusGone, "The task that was made for this `Idempotency-Key` in the last 24 hours has been deleted.",
		"Send a new key if another task is wanted: it is paid like any other."},
	{"artifact_expired", http.StatusGone, "The file of a result was deleted: it was kept for as long as results are, or had to make room.",
		"Make the video again with `POST /api/v1/tasks/{id}/retry`. `expires_at` of an artifact says in time when it goes."},

	{"too_large", http.StatusRequestEntityTooLarge, "A file, a text or the whole request is larger than allowed.", "The message names the limit. Large files are better sent as `multipart/form-data`."},
	{"too_many_files", http.StatusRequestEntityTooLarge, "The request has more files than allowed.", "The message names the limit."},
	{"unsupported_media_type", http.StatusUnsupportedMediaType, "The body is neither of the types that the endpoint takes.", "Set `Content-Type` to the one that the message names, and send that."},

	{"idempotency_mismatch", http.StatusUnprocessableEntity, "The `Idempotency-Key` was used for another request in the last 24 hours.",
		"Send a new key with a new request, and the same one only to repeat the same request."},

	{"rate_limited", http.StatusTooManyRequests, "The key has sent more requests in a minute than it may.", "Wait as long as `Retry-After` says."},
	{"daily_quota_exceeded", http.StatusTooManyRequests, "The key has made as many tasks today as it may.", "Wait for the end of the day in the configured `time_zone`: `resets_at` names it and `Retry-After` counts down to it. Or ask an admin for a higher `daily_quota`."},
	{"credit_budget_exceeded", http.StatusTooManyRequests, "The task would cost more than what is left of the key's credits for the day or the month.",
		"Wait until `resets_at`, ask for a cheaper task, or ask an admin for a higher `credits_per_day` or `credits_per_month`. Without `resets_at` the task costs more than the whole budget."},
	{"too_many_wrong_keys", http.StatusTooManyRequests, "The key is not valid, and the address has sent many such keys.", "Wait as long as `Retry-After` says, and check the key. A right key is served at once, also from this address."},

	{"internal", http.StatusInternalServerError, "The gateway has a fault of its own.", "Report it, with what is in the gateway's log at that time."},
	{"unavailable", http.StatusServiceUnavailable, "The database or the disk does not answer for the moment.", "Send the request again after `Retry-After`. Admins find the cause in the log."},
	{"provider_unavailable", http.StatusServiceUnavailable, "The OpenID provider does not answer, so that nobody can sign in there, or a sign-in there cannot be confirmed.", "Try again, or sign in with an API key. Admins find the cause in the log."},
	{"logs_unavailable", http.StatusServiceUnavailable, "Docker cannot be asked for a container, or the container is not there.", "The message says why and what to do. The gateway goes on without it and finds it again by itself."},
	{"host_unresolved", http.StatusServiceUnavailable, "The host of a material's URL could not be looked up for the moment.", "Send the request again after `Retry-After`, or upload the file instead."},
	{"stopping", http.StatusServiceUnavailable, "The gateway restarts while the request waits for its result.", "The task goes on; the message says where to read it."},
	{"artifact_not_ready", http.StatusServiceUnavailable, "The gateway has nothing of the file yet.", "Ask again after `Retry-After`, or wait until the task has succeeded."},
	{"disk_full", http.StatusInsufficientStorage, "There is no room left to store a file.", "An admin has to make room on the gateway's disk."},
}

// errorCodeOf finds a code in the table, nil if it is not there.
func errorCodeOf(code string) *errorCode {
	for i := range errorCodes {
		if errorCodes[i].Code == code {
			return &errorCodes[i]
		}
	}
	for _, k := range errorKinds { // told to who waits for the result
		if string(k.Kind) == code {
			return &errorCode{code, cmp.Or(failures[k.Kind].status, http.StatusBadGateway), k.Cause, k.WayOut}
		}
	}
	return nil
}

// isErrorKind reports whether a word is a kind of a failed task, and no code.
func isErrorKind(word string) bool {
	isKind := func(k errorKind) bool { return string(k.Kind) == word }
	isCode := func(e errorCode) bool { return e.Code == word }
	return slices.ContainsFunc(errorKinds, isKind) && !slices.ContainsFunc(errorCodes, isCode)
}

// errorKind is why a task failed, which clients see as its error_kind.
type errorKind struct {
	Kind   upstream.Kind
	Cause  string
	WayOut string
}

var errorKinds = []errorKind{
	{upstream.ContentRisk, "The upstream refuses the prompt, a material or the result for its content.", "Change what `error_message` names. Another session would refuse it as well, so none is tried."},
	{upstream.AccountBlocked, "Every session that was tried is blocked or held back by the upstream.", "An admin checks the sessions; send the task again with `POST /api/v1/tasks/{id}/retry`."},
	{upstream.Auth, "The login of every session that was tried has expired.", "An admin renews the sessions; then retry."},
	{upstream.Quota, "Every session that was tried is out of credits, or over its day's quota.", "Retry when there are credits again; an admin sees them beside each session."},
	{upstream.RateLimited, "Every session that was tried has sent too much for the moment.", "Retry a little later."},
	{upstream.BadInput, "The upstream refuses the parameters.", "Change what `error_message` names."},
	{upstream.FileTransfer, "A material could not be handed over, and nothing was paid; or the result could not be fetched.",
		"For a material: check that the file is whole, or that its URL can be read from the internet. Then retry."},
	{upstream.Timeout, "The upstream gave up waiting, or the task's own deadline passed.", "Retry, with a later deadline if it was the task's own."},
	{upstream.Network, "The upstream does not answer.", "Retry when it does; an admin checks the upstream's container and network."},
	{upstream.GenerationFailed, "The upstream has accepted the task, has tried, and has failed.", "Retry; if it fails again, change the prompt or the materials."},
	{upstream.InDoubt, "Nobody can tell whether the upstream has accepted the task, so credits may be spent. It is never sent again by itself, so that nothing is paid twice.",
		"Look at the account's own history; retry if it is not there, or if paying twice does no harm."},
	{upstream.Unknown, "None of these.", "`error_message` has the upstream's own words."},
}

// TransformSchema implements [huma.SchemaTransformer].
func (*taskView) TransformSchema(_ huma.Registry, s *huma.Schema) *huma.Schema {
	kind := s.Properties["error_kind"]
	kind.Enum = []any{nil}
	for _, k := range errorKinds {
		kind.Enum = append(kind.Enum, string(k.Kind))
	}
	return s
}

// codeEnum lists every code.
func codeEnum() (enum []any) {
	for _, e := range errorCodes {
		enum = append(enum, e.Code)
	}
	return enum
}

// TransformSchema implements [huma.SchemaTransformer].
func (*problem) TransformSchema(_ huma.Registry, s *huma.Schema) *huma.Schema {
	s.Properties["code"].Enum = codeEnum()
	return s
}

// resultCodes are the error codes of a request that waits for the result.
var resultCodes = func() []string {
	codes := []string{"task_cancelled", "stopping"}
	for _, k := range errorKinds {
		codes = append(codes, string(k.Kind))
	}
	return codes
}()

// TransformSchema implements [huma.SchemaTransformer].
func (*openAIError) TransformSchema(_ huma.Registry, s *huma.Schema) *huma.Schema {
	s.Properties["code"].Enum = codeEnum()
	for _, k := range errorKinds {
		s.Properties["code"].Enum = append(s.Properties["code"].Enum, string(k.Kind))
	}
	return s
}

// Interface guards
var (
	_ huma.SchemaTransformer = (*taskView)(nil)
	_ huma.SchemaTransformer = (*problem)(nil)
	_ huma.SchemaTransformer = (*openAIError)(nil)
)
