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

  await line.getByRole('link', { name: 'Task' }).click()
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

/** Sends a task past the page, and returns its id. */
async function send(page: Page): Promise<string> {
  const answer = await page.request.post('/api/v1/tasks', {
    data: { model: 'jimeng-video-3.0', prompt: 'a paper boat' },
  })
  expect(answer.status(), await answer.text()).toBe(201)
  const { task } = (await answer.json()) as { task: { id: string } }
  return task.id
}
