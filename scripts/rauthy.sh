#!/usr/bin/env bash
# Starts Rauthy, an OpenID provider, beside the gateway and makes the gateway its
# client, without a click. The first run makes the secrets; later runs start what
# is there. Two variables of the environment say where people find both:
#
#   PUBLIC_URL   the gateway   (http://localhost:5100)
#   RAUTHY_URL   Rauthy        (http://localhost:8080)
#
# Beyond this machine both must be https:// addresses that Caddy serves.
set -euo pipefail
# shellcheck source=scripts/common.sh
. "$(dirname "$0")/common.sh"

PUBLIC_URL=${PUBLIC_URL:-http://localhost:5100}
RAUTHY_URL=${RAUTHY_URL:-http://localhost:8080}
PUBLIC_URL=${PUBLIC_URL%/} RAUTHY_URL=${RAUTHY_URL%/}
client=jimeng-gateway
discovery=http://127.0.0.1:8080/auth/v1/.well-known/openid-configuration

for tool in curl openssl; do
	command -v "$tool" >/dev/null || die "$tool is missing."
done

host=${RAUTHY_URL#*://}
case $RAUTHY_URL in
https://*)
	proxied=true cookies=host
	case $host in *:*) origin=$RAUTHY_URL ;; *) origin=$RAUTHY_URL:443 ;; esac
	;;
http://localhost:*) proxied=false cookies=danger-insecure origin=$RAUTHY_URL ;;
*) die "RAUTHY_URL must begin with https:// or http://localhost:, this is $RAUTHY_URL." ;;
esac

random() { openssl rand -hex "$1"; }

umask 077
if [ ! -f rauthy/rauthy.env ]; then
	say 'Making the secrets …'
	secret=$(random 32)
	password=$(random 12)
	key=$(random 4)
	# A browser that signs out at Rauthy is signed out here; Rauthy calls only
	# addresses that it can reach.
	backchannel=''
	case $PUBLIC_URL in https://*) backchannel="\"backchannel_logout_uri\": \"$PUBLIC_URL/auth/backchannel-logout\"," ;; esac
	# Rauthy lets a refresh token be used a minute before the access token ends:
	# after five minutes, when the gateway asks for the roles again.
	cat >rauthy/bootstrap/clients.json <<END
[
  {
    "id": "$client",
    "name": "jimeng-gateway",
    "secret": { "Plain": "$secret" },
    "redirect_uris": ["$PUBLIC_URL/auth/callback"],
    "post_logout_redirect_uris": ["$PUBLIC_URL/"],
    $backchannel
    "enabled": true,
    "flows_enabled": ["authorization_code", "refresh_token"],
    "access_token_alg": "EdDSA",
    "id_token_alg": "EdDSA",
    "auth_code_lifetime": 60,
    "access_token_lifetime": 360,
    "scopes": ["openid", "email", "profile"],
    "default_scopes": ["openid"],
    "challenges": ["S256"],
    "force_mfa": false
  }
]
END
	cat >rauthy/gateway.env <<END
OIDC_CLIENT_ID=$client
OIDC_CLIENT_SECRET=$secret
OIDC_REDIRECT_URL=$PUBLIC_URL/auth/callback
OIDC_LABEL=Rauthy
OIDC_ROLE_CLAIM=roles
OIDC_ADMIN_VALUES=rauthy_admin,admin
OIDC_OPERATOR_VALUES=operator
OIDC_VIEWER_VALUES=viewer
END
	cat >rauthy/rauthy.env <<END
PUB_URL=$host
PROXY_MODE=$proxied
TRUSTED_PROXIES=172.16.0.0/12
COOKIE_MODE=$cookies
RP_ID=${host%%:*}
RP_ORIGIN=$origin
HQL_SECRET_RAFT=$(random 24)
HQL_SECRET_API=$(random 24)
ENC_KEYS=$key/$(openssl rand -base64 32)
ENC_KEY_ACTIVE=$key
BOOTSTRAP_ADMIN_EMAIL=admin@localhost
BOOTSTRAP_ADMIN_PASSWORD_PLAIN=$password
END
fi

# Rauthy runs as a user of its own, who must read this, until it has.
[ ! -f rauthy/bootstrap/clients.json ] || chmod 0644 rauthy/bootstrap/clients.json
chmod 0755 rauthy/bootstrap
chmod 0644 rauthy/config.toml rauthy/bootstrap/roles.json

docker compose --profile sso up -d rauthy
say 'Waiting for Rauthy …'
answer=''
for _ in $(seq 120); do
	answer=$(curl -fsS --max-time 2 "$discovery" 2>/dev/null) && break
	sleep 0.5
done
# The issuer as the tokens will have it, to the last slash.
issuer=$(printf '%s' "$answer" | sed -n 's/.*"issuer" *: *"\([^"]*\)".*/\1/p')
[ -n "$issuer" ] || die 'Rauthy does not answer. See: docker compose --profile sso logs rauthy'
rm -f rauthy/bootstrap/clients.json # it is in the database now

grep -q '^OIDC_ISSUER_URL=' rauthy/gateway.env || printf 'OIDC_ISSUER_URL=%s\n' "$issuer" >>rauthy/gateway.env

cat <<END

${green}Rauthy runs, and the gateway is its client.${plain}

  Rauthy      $RAUTHY_URL/auth/v1/
  Admin       admin@localhost
  Password    in rauthy/rauthy.env, BOOTSTRAP_ADMIN_PASSWORD_PLAIN

Start the gateway with what it needs to know:

  bin/jimeng-gateway run --config Caddyfile --envfile .env --envfile rauthy/gateway.env
END
