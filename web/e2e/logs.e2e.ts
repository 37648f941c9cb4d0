import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { expectAccessible, expectNoSidewaysScroll, launch, phone, screenshot, signIn, visit } from './browser'
import { key, patience } from './environment'

let browser: Browser
beforeAll(async () => {
  browser = await launch()
})
afterAll(() => browser.close())

test('a line appears as it is written, leads to its task, and stands there too', async () => {
  const { page, complaints } = await visit(browser)
  await signIn(page)
  await page.getByRole('navigation', { name: 'Main' }).getByRole('link', { name: 'Logs' }).click()
  await page.getByRole('radio', { name: 'the gateway' }).waitFor()
  await page.getByText('Live', { exact: true }).waitFor()
  const id = await send(page)
  const line = page
    .getByRole('log')
    .getByRole('listitem')
    .filter({ hasText: `task=${id}` })
    .first()
  await line.waitFor()
  await screenshot(page, 'logs')
  await expectAccessible(page)

  const log = page.getByRole('log')
  await expect
    .poll(
      async () => {
        const over = await log.evaluate((log) => log.scrollHeight - log.clientHeight)
        if (over < 100) await send(page)
        return over
      },
      { timeout: patience },
    )
    .toBeGreaterThan(100)
  await log.evaluate((log) => (log.scrollTop = 0))
  await page.getByText('Paused while you read').waitFor()
  await send(page)
  await page.getByRole('button', { name: /new line/ }).click()
  await page.getByText('Live', { exact: true }).waitFor()

  await line.getByRole('link', { name: `Task ${id}` }).click()
  await page.waitForURL(`**/tasks/${id}`)
  await page
    .getByRole('region', { name: 'Logs' })
    .getByRole('listitem')
    .filter({ hasText: id })
    .first()
    .waitFor({ timeout: patience })
  await screenshot(page, 'task-log')
  await expectAccessible(page)
  expect(complaints).toEqual([])
  await page.context().close()
})

test('level and words are in the address, and the download has the same lines', async () => {
  const { page, complaints } = await visit(browser, { locale: 'zh-CN', colorScheme: 'dark', ...phone })
  await page.getByLabel('API 密钥').fill(key)
  await page.getByRole('button', { name: '登录' }).click()
  await page.getByRole('navigation', { name: '主导航' }).waitFor()
  const id = await send(page)
  await page.goto(`/logs?source=gateway&level=info&q=${id}`)
  const lines = page.getByRole('log').getByRole('listitem')
  await lines.first().waitFor()
  for (const text of await lines.allTextContents()) expect(text).toContain(id)
  await screenshot(page, 'phone-logs-zh-dark')
  await expectNoSidewaysScroll(page)
  await expectAccessible(page)
  const href = await page.getByRole('link', { name: '下载', exact: true }).getAttribute('href')
  const file = await (await page.request.get(href ?? '')).text()
  for (const text of file.trim().split('\n')) expect(text).toContain(id)
  expect(complaints).toEqual([])
  await page.context().close()
})

test('older lines come while one scrolls up, and what one reads stays where it is', async () => {
  const { page, complaints } = await visit(browser)
  await signIn(page)
  await makeLines(page, 620)
  await page.goto('/logs?source=gateway')
  const log = page.getByRole('log')
  const lines = log.getByRole('listitem')
  await expect.poll(() => lines.count(), { timeout: patience }).toBeGreaterThanOrEqual(500)
  const before = await lines.count()
  await log.evaluate((log) => (log.scrollTop = 100))
  const read = await log.evaluate((log) => {
    const top = log.getBoundingClientRect().top
    const line = [...log.querySelectorAll('li')].find((line) => line.getBoundingClientRect().top >= top)
    line?.setAttribute('data-read', '')
    return (line?.getBoundingClientRect().top ?? 0) - top
  })
  await expect.poll(() => lines.count()).toBeGreaterThan(before)
  const place = () =>
    log.evaluate(
      (log) =>
        (log.querySelector('[data-read]')?.getBoundingClientRect().top ?? 0) -
        log.getBoundingClientRect().top,
    )
  expect(Math.abs((await place()) - read)).toBeLessThanOrEqual(24)
  const held = await lines.count()
  const there = await place()
  await send(page)
  await page.getByRole('button', { name: /new line/ }).waitFor()
  expect(await lines.count()).toBe(held)
  expect(await place()).toBe(there)
  await page.getByRole('button', { name: /new line/ }).click()
  await page.getByText('Live', { exact: true }).waitFor()

  await page.getByRole('button', { name: 'Clear', exact: true }).click()
  await expect.poll(() => lines.count()).toBeLessThan(100)
  await page.getByRole('button', { name: 'Undo' }).click()
  await expect.poll(() => lines.count()).toBeGreaterThanOrEqual(held)
  expect(complaints).toEqual([])
  await page.context().close()
})

test('hits are marked, lead to their context, and a bad expression says so in the field', async () => {
  const { page, complaints } = await visit(browser)
  await signIn(page)
  const id = await send(page)
  await page.goto('/logs?source=gateway')
  const search = page.getByRole('searchbox', { name: 'Only lines with…' })
  await search.fill(id)
  await search.press('Enter')
  await page.waitForURL(`**/logs?source=gateway&q=${id}`)
  const line = page.getByRole('log').getByRole('listitem').first()
  await line.locator('mark').first().waitFor()
  expect(await line.locator('mark').first().textContent()).toBe(id)
  await page.getByRole('button', { name: 'Only hits' }).waitFor()

  await line.locator('a').first().click()
  await page.waitForURL('**line=*')
  await page.locator('[aria-current=true]').filter({ hasText: id }).waitFor()
  await screenshot(page, 'logs-context')
  await expectAccessible(page)
  const around = page.getByRole('region', { name: 'A line and what stands around it' })
  const count = await around.getByRole('listitem').count()
  const older = around.getByRole('button', { name: 'Older lines' })
  if (await older.isVisible()) {
    await older.click()
    await expect.poll(() => around.getByRole('listitem').count()).toBeGreaterThan(count)
  }
  await page.getByRole('button', { name: 'Back to live' }).click()
  await page.getByText('Live', { exact: true }).waitFor()

  await page.getByRole('button', { name: 'Regular expression' }).click()
  await search.fill('task=(')
  await search.press('Enter')
  await page.getByText(/is no regular expression/).waitFor()
  expect(await search.getAttribute('aria-invalid')).toBe('true')
  await screenshot(page, 'logs-bad-expression')
  expect(complaints.filter((complaint) => !/422|400/.test(complaint))).toEqual([])
  await page.context().close()
})

test('filters, a task’s lines and copying, also where the browser has no clipboard for us', async () => {
  const { page, complaints } = await visit(browser)
  await signIn(page)
  const id = await send(page)
  await page.addInitScript(() => Object.defineProperty(navigator, 'clipboard', { value: undefined }))
  await page.goto(`/logs?source=gateway&task=${id}`)
  const lines = page.getByRole('log').getByRole('listitem')
  await lines.first().waitFor()
  for (const text of await lines.allTextContents()) expect(text).toContain(id)
  expect(await lines.getByRole('link', { name: 'Task' }).count()).toBe(0)
  await lines.first().hover()
  await lines.first().getByRole('button', { name: 'Copy the line' }).click()
  await page.getByText('Copied').waitFor()
  const search = page.getByRole('searchbox')
  await search.focus()
  await page.keyboard.press('Control+v')
  expect(await search.inputValue()).toContain(id)

  await page.getByRole('button', { name: 'Show the lines of all tasks' }).click()
  await page.waitForURL('**/logs?source=gateway')
  await page.getByRole('button', { name: 'Info', exact: true }).click()
  await page.waitForURL('**level=info')
  await expect.poll(() => lines.count()).toBeGreaterThan(0)
  expect(await page.getByRole('log').locator('li[data-level]:not([data-level=info])').count()).toBe(0)
  await page.getByRole('button', { name: /Both streams/ }).click()
  await page.getByRole('option', { name: 'stdout' }).click()
  await page.waitForURL('**stream=stdout')
  await page.getByText('Nothing here yet').waitFor()
  await expectAccessible(page)
  expect(complaints).toEqual([])
  await page.context().close()
})

/** Sends tasks past the page until the log has so many lines. */
async function makeLines(page: Page, wanted: number): Promise<void> {
  const count = async () => {
    const answer = await page.request.get(`/api/v1/logs?source=gateway&lines=${wanted}`)
    return ((await answer.json()) as { count: number }).count
  }
  while ((await count()) < wanted) await Promise.all(Array.from({ length: 20 }, () => send(page)))
}

/** Sends a task past the page, and returns its id. */
async function send(page: Page): Promise<string> {
  const answer = await page.request.post('/api/v1/tasks', {
    data: { model: 'jimeng-video-3.0', prompt: 'a paper boat' },
  })
  expect(answer.status(), await answer.text()).toBe(201)
  const { task } = (await answer.json()) as { task: { id: string } }
  return task.id
}
