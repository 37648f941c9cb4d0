import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { expectAccessible, expectNoSidewaysScroll, launch, phone, screenshot, signIn, visit } from './browser'
import { key } from './environment'

let browser: Browser
beforeAll(async () => {
  browser = await launch()
})
afterAll(() => browser.close())

test('one sees where one is signed in, and ends a sign-in and all others', async () => {
  const other = await visit(browser, { userAgent: 'Mozilla/5.0 (X11; Linux x86_64; rv:143.0) Firefox/143.0' })
  await signIn(other.page)
  const { page, complaints } = await visit(browser)
  await signIn(page)
  await page.getByRole('button', { name: /^Account/ }).click()
  await page.getByRole('menuitem', { name: 'My sessions' }).click()
  await page.waitForURL('**/sign-ins')
  const rows = page.locator('main').getByRole('listitem')
  await rows.filter({ hasText: 'This browser' }).waitFor()
  expect(await rows.filter({ hasText: 'This browser' }).getByRole('button').count()).toBe(0)
  await screenshot(page, 'sign-ins')
  await expectAccessible(page)
  await rows.filter({ hasText: 'Firefox on Linux' }).first().getByRole('button').click()
  await page.getByText('The sign-in is ended.').waitFor()
  await expect.poll(async () => (await other.page.request.get('/api/v1/sign-ins')).status()).toBe(401)

  const third = await visit(browser)
  await signIn(third.page)
  await page.reload()
  await page.getByRole('button', { name: 'End all others' }).click()
  await page.getByRole('dialog').getByText('stays signed in').waitFor()
  await expectAccessible(page)
  await page
    .getByRole('dialog')
    .getByRole('button', { name: /^End \d+ sign-in/ })
    .click()
  await expect.poll(() => rows.count()).toBe(1)
  await page.getByText('Everybody’s').click()
  await page.waitForURL('**/sign-ins?of=all')
  expect(complaints).toEqual([])
  for (const { page: used } of [other, third, { page }]) await used.context().close()
})

test('in Chinese on a phone', async () => {
  const { page, complaints } = await visit(browser, { locale: 'zh-CN', colorScheme: 'dark', ...phone })
  await page.getByLabel('API 密钥').fill(key)
  await page.getByRole('button', { name: '登录' }).click()
  await page.getByRole('navigation', { name: '主导航' }).waitFor()
  await page.goto('/sign-ins')
  await page.getByText('当前浏览器').waitFor()
  await screenshot(page, 'phone-sign-ins-zh-dark')
  await expectNoSidewaysScroll(page)
  await expectAccessible(page)
  expect(complaints).toEqual([])
  await page.context().close()
})
