package auth

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"
	"time"

	"go.uber.org/zap"
	"golang.org/x/oauth2"

	"github.com/jimeng-gateway/jimeng-gateway/store"
)

const (
	// checkEvery is how old the provider's word may be before it is asked again.
	checkEvery = 5 * time.Minute
	// trustFor is how long its last word holds while it does not answer.
	trustFor = time.Hour
	// checkPatience is how long a request waits for the provider while its last
	// word still holds.
	checkPatience = 2 * time.Second
	// checkPause is how long no node asks again about one sign-in after a try.
	checkPause = 30 * time.Second
)

// byPerson is who signed in at the provider, with the role that the provider gives
// them now.
func (a *Authenticator) byPerson(ctx context.Context, in *store.SignIn) (*Principal, error) {
	if a.oidc == nil || in.Issuer != a.oidc.config.Issuer {
		return nil, errCookie // of a provider that is not configured any more
	}
	in, err := a.oidc.confirm(ctx, in)
	switch {
	case err != nil:
		return nil, err
	case in == nil:
		return nil, errCookie
	case in.Role == "":
		return nil, errNoRole
	}
	// What is open is looked at again when the provider is to be asked.
	next := time.UnixMilli(in.CheckedAt).Add(checkEvery + time.Second)
	if soonest := time.Now().Add(checkPause); next.Before(soonest) {
		next = soonest
	}
	return principal(in.OwnerID, in.Name, Role(in.Role), in.ID, min(in.ExpiresAt, next.UnixMilli())), nil
}

// confirm returns the sign-in as it is after the provider was asked, if that is
// due and the provider gave the means; nil if it has ended.
func (o *OIDC) confirm(ctx context.Context, in *store.SignIn) (*store.SignIn, error) {
	if !due(in, checkEvery) {
		return in, nil
	}
	var tokens providerTokens
	if err := o.signIns.open(sealedTokens, in.Tokens, &tokens); err != nil {
		o.log.Warn("the tokens of a sign-in cannot be read, it has ended", zap.String("sign_in", in.ID), zap.Error(err))
		return nil, nil
	}
	if tokens.Refresh == "" || time.Now().Before(notBefore(tokens.Refresh)) {
		return in, nil
	}
	if time.Now().UnixMilli() >= in.BusyUntil {
		o.ask(ctx, in, tokens)
		sum, err := parseHash(in.TokenHash)
		if err != nil {
			return nil, err
		}
		if in, err = o.signIns.byHash(ctx, sum); err != nil || in == nil {
			return nil, err
		}
	}
	if due(in, trustFor) {
		return nil, errProvider
	}
	return in, nil
}

// notBefore is when a refresh token may be used, if it is a JWT that says so. The
// provider Rauthy takes earlier use for theft and ends everything of the person.
func notBefore(token string) time.Time {
	var claims struct {
		NotBefore int64 `json:"nbf"`
	}
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return time.Time{}
	}
	text, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil || json.Unmarshal(text, &claims) != nil || claims.NotBefore == 0 {
		return time.Time{}
	}
	return time.Unix(claims.NotBefore, 0)
}

// due reports whether the provider's word on the sign-in is older than that.
func due(in *store.SignIn, age time.Duration) bool {
	return time.Since(time.UnixMilli(in.CheckedAt)) > age
}

// ask has the provider asked, once for all requests that want it, and waits for
// that as long as it makes sense.
func (o *OIDC) ask(ctx context.Context, in *store.SignIn, tokens providerTokens) {
	done := make(chan struct{})
	o.signIns.running.Go(func() {
		defer close(done)
		_, _, _ = o.signIns.checks.Do(in.ID, func() (any, error) {
			ctx, cancel := context.WithTimeout(o.signIns.ctx, 2*providerTimeout)
			defer cancel()
			o.check(ctx, in, tokens)
			return nil, nil
		})
	})
	if ctx.Value(goesOn{}) != nil {
		return // what is learnt has it looked at again, see [SignIns.Forget]
	}
	patience := checkPatience
	if due(in, trustFor) {
		patience = providerTimeout
	}
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case <-done:
	case <-timer.C:
	case <-ctx.Done():
	}
}

// check asks the provider about a sign-in and stores what it says.
func (o *OIDC) check(ctx context.Context, in *store.SignIn, tokens providerTokens) {
	defer o.signIns.Forget()
	log := o.log.With(zap.String("sign_in", in.ID))
	if err := o.signIns.store.ClaimCheck(ctx, in, checkPause); errors.Is(err, store.ErrConflict) {
		return // another request or node does, has done, or the sign-in is over
	} else if err != nil {
		log.Warn("a sign-in could not be confirmed", zap.Error(err))
		return
	}
	ctx = store.WithActor(ctx, Client{}.Actor("provider", in.Issuer, in.Issuer))
	person, kept, err := o.refresh(ctx, in, tokens)
	// The provider has taken the tokens from before: what it says is stored even if
	// the time is up, or the gateway stops.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), flushTimeout)
	defer cancel()
	if refusal, ok := errors.AsType[*oauth2.RetrieveError](err); ok && refusal.ErrorCode == "invalid_grant" {
		log.Info("the provider has ended a sign-in", zap.String("person", in.OwnerID))
		if err := o.signIns.store.EndSignIn(ctx, in.ID, in.OwnerID, store.SignInEnded); err != nil && !isNotFound(err) {
			log.Error("a sign-in that is over could not be ended", zap.Error(err))
		}
		return
	}
	next := *in
	next.Tokens = o.signIns.seal(sealedTokens, kept)
	if err != nil {
		log.Warn("a sign-in could not be confirmed", zap.String("cause", brief(err.Error())))
		if kept != tokens { // those before may not work any more
			if err := o.signIns.store.KeepTokens(ctx, &next); err != nil {
				log.Error("the new tokens of a sign-in could not be stored", zap.Error(err))
			}
		}
		return
	}
	if err := o.signIns.store.ConfirmSignIn(ctx, &next, person); err != nil && !errors.Is(err, store.ErrConflict) { // it has ended
		log.Error("a confirmed sign-in could not be stored", zap.Error(err))
	}
}

// refresh gets new tokens and who they are for. After an error the tokens are
// those that hold now.
func (o *OIDC) refresh(ctx context.Context, in *store.SignIn, tokens providerTokens) (*store.Person, providerTokens, error) {
	p, err := o.provider(ctx)
	if err != nil {
		return nil, tokens, err
	}
	token, err := p.oauth.TokenSource(o.context(ctx), &oauth2.Token{RefreshToken: tokens.Refresh}).Token()
	if err != nil {
		return nil, tokens, err
	}
	tokens.Refresh = token.RefreshToken // the one before, if there is no new one
	id, raw, err := o.idToken(ctx, p, token)
	if err != nil {
		return nil, tokens, err
	}
	if id != nil && id.Subject != tokens.Subject {
		return nil, tokens, errors.New("the provider's new ID token is of somebody else")
	}
	if id != nil {
		tokens.ID = raw
	}
	claims, err := o.claims(ctx, p, tokens.Subject, id, token)
	if err != nil {
		return nil, tokens, err
	}
	person, why := o.personOf(tokens.Subject, claims)
	if person.Role == "" {
		o.log.Info("a person has no role any more", zap.String("person", person.ID), zap.String("cause", brief(why)))
	}
	return person, tokens, nil
}
