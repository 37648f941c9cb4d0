import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { expectAccessible, launch, phone, screenshot, signIn, visit } from './browser'
import { key } from './environment'

let browser: Browser
beforeAll(async () => {
  browser = await launch()
})
afterAll(() => browser.close())

test('the palette leads to a page, to a task by its id, and does things', async () => {
  const { page, complaints } = await visit(browser)
  await signIn(page)
  await page.keyboard.press('Control+k')
  const search = page.getByRole('dialog').getByRole('searchbox')
  await search.fill('audit')
  await page.getByRole('menuitem', { name: 'Audit' }).waitFor()
  await screenshot(page, 'palette')
  await expectAccessible(page)
  await search.press('Enter')
  await page.waitForURL('**/audit')

  const answer = await page.request.post('/api/v1/tasks', {
    data: { model: 'jimeng-video-3.0', prompt: 'a palette of paper boats' },
  })
  const { task } = (await answer.json()) as { task: { id: string } }
  await page.getByRole('button', { name: 'Search', exact: true }).click()
  await search.fill(task.id)
  await page.getByRole('menuitem', { name: /a palette of paper boats/ }).click()
  await page.waitForURL(`**/tasks/${task.id}`)
  await page.locator('main').getByText('a palette of paper boats').first().waitFor()

  await page.keyboard.press('Control+k')
  await search.fill('dark')
  await page.getByRole('menuitem', { name: 'Theme: Dark' }).click()
  await expect
    .poll(() => page.evaluate(() => getComputedStyle(document.documentElement).colorScheme))
    .toBe('dark')
  await page.keyboard.press('Control+k')
  await search.fill('nothing has this name')
  await page.getByText('Nothing found').waitFor()
  await page.keyboard.press('Escape')
  await page.getByRole('dialog').waitFor({ state: 'detached' })
  expect(complaints).toEqual([])
  await page.context().close()
})

test('the shortcuts work, and not while one types', async () => {
  const { page, complaints } = await visit(browser)
  await signIn(page)
  await page.keyboard.press('?')
  await page.getByRole('dialog', { name: 'Keyboard shortcuts' }).waitFor()
  await screenshot(page, 'shortcuts')
  await expectAccessible(page)
  await page.keyboard.press('Escape')
  await page.getByRole('dialog').waitFor({ state: 'detached' })
  await page.keyboard.press('g')
  await page.keyboard.press('a')
  await page.waitForURL('**/audit')
  await page.getByRole('searchbox').waitFor()
  await page.keyboard.press('/')
  await page.keyboard.type('gt?n')
  expect(await page.getByRole('searchbox').inputValue()).toBe('gt?n')
  expect(new URL(page.url()).pathname).toBe('/audit')
  await page.getByRole('heading', { name: 'Audit' }).click()
  await page.evaluate(() => (document.activeElement as HTMLElement).blur())
  await page.keyboard.press('n')
  await page.waitForURL('**/playground')
  expect(complaints).toEqual([])
  await page.context().close()
})

test('in Chinese on a phone', async () => {
  const { page, complaints } = await visit(browser, { locale: 'zh-CN', ...phone })
  await page.getByLabel('API 密钥').fill(key)
  await page.getByRole('button', { name: '登录' }).click()
  await page.getByRole('navigation', { name: '主导航' }).waitFor()
  await page.getByRole('heading', { level: 1 }).waitFor()
  await page.getByRole('button', { name: '搜索', exact: true }).click()
  await page.getByRole('dialog').getByRole('searchbox').fill('日志')
  await page.getByRole('menuitem', { name: '日志' }).waitFor()
  // On a phone it waits a moment for the keyboard before it shows itself.
  const shell = page.getByRole('dialog').locator('..')
  await expect.poll(() => shell.evaluate((shell) => getComputedStyle(shell).opacity)).toBe('1')
  await screenshot(page, 'phone-palette-zh')
  await expectAccessible(page)
  await page.getByRole('menuitem', { name: '日志' }).click()
  await page.waitForURL('**/logs')
  expect(complaints).toEqual([])
  await page.context().close()
})
