import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { expectAccessible, expectNoSidewaysScroll, launch, phone, screenshot, signIn, visit } from './browser'
import { key } from './environment'

let browser: Browser
beforeAll(async () => {
  browser = await launch()
})
afterAll(() => browser.close())

test('a change stands in the audit log with what it was and became, and can be filtered and downloaded', async () => {
  const { page, complaints } = await visit(browser)
  await signIn(page)
  const name = `audited ${Date.now()}`
  const made = await page.request.post('/api/v1/keys', { data: { name } })
  const { key: secretKey } = (await made.json()) as { key: { id: string } }
  await page.request.patch(`/api/v1/keys/${secretKey.id}`, { data: { daily_quota: 7 } })
  await page.goto('/audit')
  const line = page.getByRole('listitem').filter({ hasText: secretKey.id })
  await line.first().getByText('daily_quota').waitFor()
  expect(await line.first().locator('del').textContent()).toBe('0')
  expect(await line.first().locator('ins').textContent()).toBe('7')
  await screenshot(page, 'audit')
  await expectAccessible(page)

  await line
    .first()
    .getByRole('button', { name: `Only ${secretKey.id}` })
    .click()
  await page.waitForURL(`**/audit?target=${secretKey.id}`)
  await page.getByText('No more lines').waitFor()
  await expect.poll(() => page.locator('main').getByRole('listitem').count()).toBe(2)
  const file = await page.request.get(
    (await page.getByRole('link', { name: 'Download CSV' }).getAttribute('href')) ?? '',
  )
  expect((await file.text()).trim().split('\n').length).toBe(3)
  await page.getByRole('button', { name: /Remove the filter/ }).click()
  await page.waitForURL('**/audit')

  await page.getByRole('button', { name: /All actions/ }).click()
  await page.getByRole('option', { name: 'Keys' }).click()
  await page.waitForURL('**/audit?action=key.')
  await page.getByRole('searchbox').fill('no line has this')
  await page.keyboard.press('Enter')
  await page.getByText('No line passes the filter').waitFor()
  await expectAccessible(page)
  await page.getByRole('button', { name: 'Clear filters' }).click()
  await page.waitForURL('**/audit')
  expect(complaints).toEqual([])
  await page.context().close()
})

test('about and audit in Chinese on a phone', async () => {
  const { page, complaints } = await visit(browser, { locale: 'zh-CN', colorScheme: 'dark', ...phone })
  await page.getByLabel('API 密钥').fill(key)
  await page.getByRole('button', { name: '登录' }).click()
  await page.getByRole('navigation', { name: '主导航' }).waitFor()
  await page.goto('/audit')
  await page.getByRole('listitem').filter({ hasText: 'sign_in' }).first().waitFor()
  await screenshot(page, 'phone-audit-zh-dark')
  await expectNoSidewaysScroll(page)
  await expectAccessible(page)
  await page.goto('/about')
  await page.getByRole('rowheader', { name: 'poll_interval' }).waitFor()
  await page.getByText('在线').waitFor()
  expect(await page.locator('main').textContent()).not.toContain(key)
  await screenshot(page, 'phone-about-zh-dark')
  await expectNoSidewaysScroll(page)
  await expectAccessible(page)
  expect(complaints).toEqual([])
  await page.context().close()
})
