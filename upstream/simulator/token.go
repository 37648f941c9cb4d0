package simulator

import "net/http"

// tokenCheck asks whether a login lives. Stock and fork answer an expired login
// with a failure, iptag with false.
func (s *Server) tokenCheck(r *http.Request) (any, error) {
	b, err := s.readBody(r)
	if err != nil {
		return nil, err
	}
	if !isString(b.fields["token"]) {
		return nil, invalidParam("body.token")
	}
	err = s.checkAccount(r, b.text("token"))
	if s.variant == Iptag {
		if _, broken := err.(*breakage); !broken {
			return map[string]any{"live": err == nil}, nil
		}
	}
	if err != nil {
		return nil, err
	}
	return map[string]any{"live": true}, nil
}

// points are an account's credits in the words of the protocol.
func (s *Server) points(token string) map[string]any {
	credits := s.ledger.credits(token)
	return map[string]any{"giftCredit": credits, "purchaseCredit": 0, "vipCredit": 0, "totalCredit": credits}
}

// tokenPoints tells the credits of all tokens of the header; one bad token
// fails the whole call.
func (s *Server) tokenPoints(r *http.Request) (any, error) {
	tokens, err := s.tokens(r)
	if err != nil {
		return nil, err
	}
	list := []any{}
	for _, token := range tokens {
		if err := s.checkAccount(r, token); err != nil {
			return nil, err
		}
		list = append(list, map[string]any{"token": token, "points": s.points(token)})
	}
	return list, nil
}

// tokenReceive collects the day's credits of those tokens that have none left.
func (s *Server) tokenReceive(r *http.Request) (any, error) {
	tokens, err := s.tokens(r)
	if err != nil {
		return nil, err
	}
	list := []any{}
	for _, token := range tokens {
		item := map[string]any{"token": token, "received": false}
		if err := s.checkAccount(r, token); err != nil {
			if _, broken := err.(*breakage); broken {
				return nil, err
			}
			item["error"] = err.Error()
		} else if s.ledger.collect(token) {
			item["received"] = true
		} else if s.ledger.credits(token) <= 0 {
			item["error"] = "今日积分已收取"
		}
		item["credits"] = s.points(token)
		list = append(list, item)
	}
	return list, nil
}
