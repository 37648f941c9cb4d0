import { render, screen, waitFor, within } from '@testing-library/react'
import userEvent from '@testing-library/user-event'
import { beforeEach, expect, test } from 'vitest'
import { newQueryClient } from './api/client'
import { App } from './app'
import { i18next } from './i18n'
import { me, pro, sampleTask, seedance } from './testing/samples'
import { serve, type Seen } from './testing/server'

beforeEach(async () => {
  history.replaceState(null, '', '/')
  await i18next.changeLanguage('en')
})

const nobody = { ...me, authenticated: false, name: '', key_prefix: '', scopes: [] }
const answers =
  (more: (request: Seen) => { status?: number; json?: unknown } | undefined) => (request: Seen) => {
    const own = more(request)
    if (own) return own
    if (request.path === '/auth/me') return { json: me }
    if (request.path === '/api/v1/models') return { json: { models: [seedance, pro] } }
    if (request.path.startsWith('/api/v1/tasks?')) return { json: { tasks: [], next: null } }
    return undefined
  }

test('a wrong key is said in plain words, a right one opens the overview', async () => {
  const user = userEvent.setup()
  const seen = await serve(
    answers(({ path, body }) => {
      if (path === '/auth/me') return { json: nobody }
      if (path !== '/auth/key') return undefined
      return body.includes('gw_right')
        ? { json: me }
        : { status: 401, json: { title: 'Unauthorized', status: 401 } }
    }),
  )
  render(<App client={newQueryClient()} />)
  const field = await screen.findByLabelText('API key')
  expect(field.getAttribute('type')).toBe('password')
  await user.type(field, 'gw_wrong{Enter}')
  await screen.findByText(/does not know this key/)
  await user.clear(field)
  await user.type(field, '  gw_right {Enter}')
  await screen.findByRole('heading', { name: 'Overview' })
  expect(seen.filter(({ path }) => path === '/auth/key').map(({ body }) => body)).toEqual([
    '{"key":"gw_wrong"}',
    '{"key":"gw_right"}',
  ])
  expect(JSON.stringify(localStorage)).not.toContain('gw_')
})

test('a provider is offered first, with the way back and the reason why it failed', async () => {
  await serve(
    answers(({ path }) =>
      path === '/auth/me' ? { json: { ...nobody, single_sign_on: 'Rauthy' } } : undefined,
    ),
  )
  history.replaceState(null, '', '/tasks?status=failed')
  const { unmount } = render(<App client={newQueryClient()} />)
  const link = await screen.findByRole('link', { name: 'Sign in with Rauthy' })
  expect(link.getAttribute('href')).toBe('/auth/login?return_to=%2Ftasks%3Fstatus%3Dfailed')
  unmount()
  history.replaceState(null, '', '/signin?error=no_role')
  render(<App client={newQueryClient()} />)
  await screen.findByText(/nobody has given you a role/)
  const again = await screen.findByRole('link', { name: 'Sign in with Rauthy' })
  expect(again.getAttribute('href')).toBe('/auth/login?return_to=%2F')
})

test('at the first start it says how to make a key', async () => {
  await serve(
    answers(({ path }) => (path === '/auth/me' ? { json: { ...nobody, first_start: true } } : undefined)),
  )
  render(<App client={newQueryClient()} />)
  await screen.findByText(/jimeng key add admin --scopes admin/)
})

test('without authentication one is in at once, under a banner', async () => {
  await serve(
    answers(({ path }) => (path === '/auth/me' ? { json: { ...nobody, auth_enabled: false } } : undefined)),
  )
  render(<App client={newQueryClient()} />)
  await screen.findByText(/Authentication is off/)
  expect(screen.queryByRole('button', { name: /^Account/ })).toBeNull()
})

test('a model that needs a file says so before anything is sent', async () => {
  history.replaceState(null, '', '/playground')
  const user = userEvent.setup()
  const seen = await serve(answers(() => undefined))
  render(<App client={newQueryClient()} />)
  await user.type(await screen.findByRole('textbox', { name: 'Prompt' }), 'a boat')
  await user.click(screen.getByRole('button', { name: /^Generate/ }))
  await waitFor(() => expect(screen.getByRole('alert').textContent).toContain('at least one file'))
  expect(seen.some(({ method }) => method === 'POST')).toBe(false)
})

test('a field that the gateway refuses gets the gateway’s words', async () => {
  history.replaceState(null, '', '/playground')
  const user = userEvent.setup()
  const message = 'prompt: names a person'
  await serve(
    answers(({ path, method }) => {
      if (path === '/api/v1/models') return { json: { models: [pro] } }
      if (method !== 'POST') return undefined
      return { status: 400, json: { code: -2000, message, data: null, error: { message, param: 'prompt' } } }
    }),
  )
  render(<App client={newQueryClient()} />)
  const prompt = await screen.findByRole('textbox', { name: 'Prompt' })
  await user.type(prompt, 'a boat{Control>}{Enter}{/Control}')
  await screen.findByText('names a person')
  expect(prompt.getAttribute('aria-invalid')).toBe('true')
})

test('what was sent appears under its address, and its failure in both our words and the upstream’s', async () => {
  history.replaceState(null, '', '/playground')
  const user = userEvent.setup()
  const failed = sampleTask({
    status: 'failed',
    error_kind: 'content_risk',
    error_message: '平台规则 (2038)',
    finished_at: '2026-01-02T03:05:05Z',
  })
  const polling = sampleTask({ status: 'polling', queue_position: 3, queue_total: 812, queue_eta: '1m30s' })
  const seen = await serve(
    answers(({ path, method }) => {
      if (path === '/api/v1/models') return { json: { models: [pro] } }
      if (method === 'POST') return { status: 202, json: { code: 0, task: { id: 'T1', status: 'queued' } } }
      if (path === '/api/v1/tasks/T1') return { json: { task: polling } }
      return undefined
    }),
  )
  render(<App client={newQueryClient()} />)
  await user.type(await screen.findByRole('textbox', { name: 'Prompt' }), 'a boat')
  await user.click(screen.getByRole('radio', { name: '9:16' }))
  await user.click(screen.getByRole('button', { name: /^Generate/ }))

  const result = within(await screen.findByRole('region', { name: 'Result' }))
  await result.findByText('Place 3 of 812 in the upstream’s queue · about 1m 30s left, says the upstream')
  expect(location.search).toBe('?task=T1')
  seen.tell('/api/v1/events', 'task.failed', { task_id: 'T1', task: failed })
  await result.findByText('The content was refused', undefined, { timeout: 5000 })
  result.getByText('平台规则 (2038)')
  result.getByRole('button', { name: 'Retry' })
  const sent =
    seen.find(({ method, path }) => method === 'POST' && path !== '/api/v1/tasks/estimate')?.body ?? ''
  for (const [name, value] of Object.entries({
    model: pro.id,
    prompt: 'a boat',
    duration: '5',
    ratio: '9:16',
  })) {
    expect(sent).toMatch(new RegExp(`name="${name}"\\r\\n\\r\\n${value}\\r\\n`))
  }
})

test('a key without the scopes is not offered what it may not do', async () => {
  history.replaceState(null, '', '/playground?task=T1')
  await serve(
    answers(({ path }) => {
      if (path === '/auth/me') return { json: { ...me, scopes: ['task:read'] } }
      if (path === '/api/v1/tasks/T1') return { json: { task: sampleTask() } }
      return undefined
    }),
  )
  render(<App client={newQueryClient()} />)
  await screen.findByText(/may not create tasks/)
  await screen.findByRole('link', { name: 'Details' })
  expect(screen.queryByRole('button', { name: 'Cancel' })).toBeNull()
})

test('a cancelled task says what it may cost', async () => {
  history.replaceState(null, '', '/tasks/T1')
  await serve(
    answers(({ path }) =>
      path === '/api/v1/tasks/T1'
        ? {
            json: {
              task: sampleTask({
                status: 'cancelled',
                money: 'runs_on_upstream',
                finished_at: '2026-01-02T03:05:05Z',
              }),
            },
          }
        : undefined,
    ),
  )
  render(<App client={newQueryClient()} />)
  await screen.findByText(/may still charge for it/)
})

test('the list follows the filter in the address', async () => {
  const user = userEvent.setup()
  history.replaceState(null, '', '/tasks?status=failed')
  const seen = await serve(
    answers(({ path }) => {
      if (path.startsWith('/api/v1/stats')) return { json: { total: 2, failed: 1 } }
      if (!path.startsWith('/api/v1/tasks?')) return undefined
      const status = path.includes('status=failed') ? 'failed' : 'succeeded'
      return { json: { tasks: [sampleTask({ status, prompt: `<b>${status}</b>` })], next: null } }
    }),
  )
  render(<App client={newQueryClient()} />)
  await screen.findByText('<b>failed</b>')
  expect(seen.some(({ path }) => path.startsWith('/api/v1/tasks?status=failed'))).toBe(true)
  await user.click(screen.getByRole('link', { name: /^All/ }))
  await screen.findByText('<b>succeeded</b>')
  expect(location.search).toBe('')
})

test('when the sign-in ends, the sign-in page comes at the same address', async () => {
  history.replaceState(null, '', '/tasks')
  await serve(
    answers(({ path }) =>
      path.startsWith('/api/') ? { status: 401, json: { title: 'Unauthorized', status: 401 } } : undefined,
    ),
  )
  render(<App client={newQueryClient()} />)
  await screen.findByLabelText('API key')
  expect(location.pathname).toBe('/tasks')
})

test('a lost connection is shown and heals', async () => {
  history.replaceState(null, '', '/tasks')
  let down = true
  await serve(
    answers(({ path }) => (down && path.startsWith('/api/') ? { status: 503, json: {} } : undefined)),
  )
  render(<App client={newQueryClient()} />)
  await screen.findByText(/No connection to the gateway/)
  down = false
  await screen.findByText('No tasks yet', undefined, { timeout: 5000 })
  await waitFor(() => expect(screen.queryByText(/No connection/)).toBeNull(), { timeout: 5000 })
})
