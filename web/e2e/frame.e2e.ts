import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { expectAccessible, launch, screenshot, signIn, visit } from './browser'
import { lay } from './line'

let browser: Browser
beforeAll(async () => {
  browser = await launch()
})
afterAll(() => browser.close())

test('language and theme are chosen once and stay', async () => {
  const { page, complaints } = await visit(browser)
  await signIn(page)
  await page.getByRole('button', { name: 'Language' }).click()
  await screenshot(page, 'language-menu')
  await page.getByRole('menuitemradio', { name: '中文' }).click()
  await page.getByRole('heading', { name: '概览' }).waitFor()
  expect(await page.getAttribute('html', 'lang')).toBe('zh-CN')

  await page.getByRole('button', { name: '主题' }).click()
  await page.getByRole('menuitemradio', { name: '深色' }).click()
  await page.reload()
  await page.getByRole('heading', { name: '概览' }).waitFor()
  expect(await page.evaluate(() => getComputedStyle(document.documentElement).colorScheme)).toBe('dark')
  await screenshot(page, 'overview-dark-zh-chosen')
  await expectAccessible(page)
  expect(complaints).toEqual([])
  await page.context().close()
})

test('an unknown task and an unknown page say so and lead on', async () => {
  const { page } = await visit(browser)
  await signIn(page)
  await page.goto('/tasks/no-such-task')
  await page.getByText('There is no task with this id').waitFor()
  await expectAccessible(page)
  await page.goto('/no/such/page')
  await page.getByText('There is no page at this address.').waitFor()
  await expectAccessible(page)
  await page.context().close()
})

test('a lost connection is shown and heals', async () => {
  const line = await lay()
  const { page } = await visit(browser, { baseURL: line.url })
  await signIn(page)
  await page.goto('/tasks')
  await page.getByRole('heading', { name: 'Tasks' }).waitFor()
  line.cut()
  await page.getByText('No connection to the gateway').waitFor({ timeout: 30_000 })
  await screenshot(page, 'lost-connection')
  await expectAccessible(page)
  await line.mend()
  await page.getByText('No connection to the gateway').waitFor({ state: 'detached', timeout: 30_000 })
  await page.context().close()
  line.cut()
})
