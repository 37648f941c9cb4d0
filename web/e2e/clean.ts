// Every file of tests finds the gateway idle and its sessions ready, whatever the
// one before it left or where it broke off.

import { beforeAll } from 'vitest'
import { call } from './seed'

interface Session {
  id: string
  enabled: boolean
  state: string
}

beforeAll(async () => {
  await call('POST', '/api/v1/tasks/cancel', {
    filter: { status: ['queued', 'submitting', 'polling', 'downloading'] },
  })
  const { sessions } = (await call('GET', '/api/v1/sessions')) as unknown as { sessions: Session[] }
  for (const { id, enabled, state } of sessions) {
    if (!enabled) await call('PATCH', `/api/v1/sessions/${id}`, { enabled: true })
    if (state !== 'ready') await call('POST', `/api/v1/sessions/${id}/bring-back`)
  }
})
