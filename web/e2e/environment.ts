// The tests run against a gateway that somebody else has started.

import type { TestProject } from 'vitest/node'

export default function setup({ config }: TestProject) {
  if (!config.env.GATEWAY_URL || !process.env.KEY) {
    throw new Error(
      'BASE_URL and KEY have to be set. Start a gateway, then: BASE_URL=http://localhost:5100 KEY=gw_… npm run e2e',
    )
  }
}

export const baseUrl = (process.env.GATEWAY_URL ?? '').replace(/\/$/, '')
/** An admin key of the gateway. */
export const key = process.env.KEY ?? ''
/** The OpenID provider that the gateway knows; nobody signs in there without it. */
export const oidcIssuer = process.env.OIDC_ISSUER_URL ?? ''
/** Folder for screenshots; none are made without it. */
export const artifacts = process.env.ARTIFACTS
export const chromium = process.env.CHROMIUM ?? '/usr/bin/chromium'
/** How long a generation may take, in milliseconds. */
export const patience = Number(process.env.PATIENCE_MS ?? 60_000)
