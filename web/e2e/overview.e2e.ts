import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { expectAccessible, expectNoSidewaysScroll, launch, phone, screenshot, signIn, visit } from './browser'
import { key, patience } from './environment'
import { call, endAll, endSeeded, seed, unique } from './seed'

let browser: Browser
beforeAll(async () => {
  browser = await launch()
})
afterAll(async () => {
  await endSeeded()
  await browser.close()
})

test('says whether it is all right, and its chart leads to the tasks', async () => {
  const { page, complaints } = await visit(browser)
  await signIn(page)
  await ended(page, 'a paper boat', 'succeeded')
  await ended(page, 'a paper boat [[fault:content_violation]]', 'failed')
  await page.goto('/')
  await page.locator('[data-tone]').waitFor()
  for (const figure of ['Running', 'Queued', 'Ended today', 'Time to finish']) {
    await page.getByRole('region', { name: 'Figures' }).getByText(figure, { exact: true }).waitFor()
  }
  const chart = page.getByRole('region', { name: 'Ended tasks', exact: true })
  await chart.locator('canvas').waitFor()
  await chart.getByText('The content was refused').waitFor()
  await page.getByRole('region', { name: 'Sessions, last 24 hours' }).getByRole('img').first().waitFor()
  await page.getByText('Database').waitFor()
  await screenshot(page, 'overview')
  await expectAccessible(page)

  await chart.getByText('As a table').click()
  await chart.getByRole('columnheader', { name: 'succeeded' }).waitFor()
  await expectAccessible(page)
  const tasks = await chart.getByRole('row').last().getByRole('link', { name: 'Tasks' }).getAttribute('href')
  expect(tasks).toContain('from=')
  await chart.getByText('As a table').click()

  const plot = await chart.locator('.u-over').boundingBox()
  if (!plot) throw new Error('the chart has no place')
  const middle = plot.y + plot.height / 2
  await page.mouse.move(plot.x + plot.width * 0.8, middle)
  await page.mouse.down()
  await page.mouse.move(plot.x + plot.width - 2, middle, { steps: 6 })
  await page.mouse.up()
  await page.waitForURL(/from=.*&to=/)
  await chart.getByRole('button', { name: 'Back to 24 hours' }).click()
  await page.waitForURL((url) => url.search === '')

  await chart.locator('canvas').waitFor()
  const wide = await chart.locator('.u-over').boundingBox()
  if (!wide) throw new Error('the chart has no place')
  await page.mouse.click(wide.x + wide.width - 4, wide.y + wide.height - 4)
  await page.waitForURL(/\/tasks\?.*status=succeeded/)
  expect(complaints).toEqual([])
  await page.context().close()
})

test('a failed bar leads to the tasks that failed so, a double click to the whole day', async () => {
  const { page, complaints } = await visit(browser)
  await signIn(page)
  const end = Date.parse(await ended(page, 'a paper boat [[fault:content_violation]]', 'failed'))
  const [from, to] = [end, end + 2000].map((at) => new Date(at - (at % 1000)).toISOString())
  const zoomed = `/?from=${from}&to=${to}` // two bars of a second, the left of which is that task's
  const plot = page.getByRole('region', { name: 'Ended tasks', exact: true }).locator('.u-over')
  await page.goto(zoomed)
  const { width = 0, height = 0 } = (await plot.boundingBox()) ?? {}
  await plot.click({ position: { x: width / 4, y: height - 4 } })
  await page.waitForURL(/\/tasks\?.*error_kind=content_risk/)
  await page
    .getByRole('link', { name: /a paper boat/ })
    .first()
    .waitFor()

  await page.goto(zoomed)
  await plot.dblclick({ position: { x: (width * 3) / 4, y: 4 } })
  await page.waitForURL((url) => url.pathname === '/' && url.search === '')
  expect(complaints).toEqual([])
  await page.context().close()
})

test('follows what happens, and says why a task waits', async () => {
  const { page, complaints } = await visit(browser)
  await signIn(page)
  await page.locator('[data-tone]').waitFor()
  const mark = unique('row')
  const pool = (await (await page.request.get('/api/v1/pool')).json()) as { free: number }
  await seed(Array.from({ length: pool.free + 4 }, (_, i) => `boat ${i} of a ${mark} [[delay:60s]]`))
  await page.locator('[data-tone=warn]', { hasText: 'All slots are taken' }).waitFor()
  const waiting = page.getByRole('region', { name: 'The oldest waiting task' })
  await waiting.getByRole('link', { name: new RegExp(mark) }).waitFor()
  await screenshot(page, 'overview-waiting')
  await expectAccessible(page)
  await endAll(mark)
  await waiting.waitFor({ state: 'detached', timeout: patience })
  expect(complaints).toEqual([])
  await page.context().close()
})

test('on a phone, in Chinese, in the dark', async () => {
  const { page, complaints } = await visit(browser, { locale: 'zh-CN', colorScheme: 'dark', ...phone })
  await page.getByLabel('API 密钥').fill(key)
  await page.getByRole('button', { name: '登录' }).click()
  await page.locator('[data-tone]').waitFor()
  await page.getByRole('region', { name: '已结束的任务', exact: true }).locator('canvas').waitFor()
  await page.getByText('数据库').waitFor()
  await screenshot(page, 'phone-overview-zh-dark')
  await expectNoSidewaysScroll(page)
  await expectAccessible(page)
  expect(complaints).toEqual([])
  await page.context().close()
})

test('a key without scopes for it sees no pool', async () => {
  const { page, complaints } = await visit(browser)
  await signIn(page)
  const made = await page.request.post('/api/v1/keys', {
    data: { name: 'reader', scopes: ['task:read'] },
    headers: { Authorization: `Bearer ${key}` },
  })
  const reader = (await made.json()) as { key: { id: string; key: string } }
  await page.context().clearCookies()
  await page.goto('/')
  await page.getByLabel('API key').fill(reader.key.key)
  await page.getByRole('button', { name: 'Sign in' }).click()
  await page.locator('[data-tone]').waitFor()
  await page.getByRole('heading', { name: 'First steps' }).waitFor()
  expect(await page.getByText('Database').count()).toBe(0)
  expect(await page.getByRole('link', { name: 'Make a key' }).count()).toBe(0)
  await screenshot(page, 'overview-first-steps')
  await expectAccessible(page)
  expect(complaints).toEqual([])
  await call('DELETE', `/api/v1/keys/${reader.key.id}`)
  await page.context().close()
})

/** Sends a task past the page, and returns its id. */
async function send(page: Page, prompt: string): Promise<string> {
  const answer = await page.request.post('/api/v1/tasks', { data: { model: 'jimeng-video-3.0', prompt } })
  expect(answer.status(), await answer.text()).toBe(201)
  const { task } = (await answer.json()) as { task: { id: string } }
  return task.id
}

/** Sends a task and returns when it ended. */
async function ended(page: Page, prompt: string, status: string): Promise<string> {
  const id = await send(page, prompt)
  let end = ''
  await expect
    .poll(
      async () => {
        const { task } = (await (await page.request.get(`/api/v1/tasks/${id}`)).json()) as {
          task: { status: string; finished_at: string | null }
        }
        end = task.finished_at ?? ''
        return task.status
      },
      { timeout: patience },
    )
    .toBe(status)
  return end
}
