import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { expectAccessible, expectNoSidewaysScroll, launch, phone, screenshot, signIn, visit } from './browser'
import { key } from './environment'
import { call } from './seed'

let browser: Browser
beforeAll(async () => {
  browser = await launch()
})
afterAll(() => browser.close())

test('shows what was used by day, model and key, and gives it away as CSV', async () => {
  const { page, complaints } = await visit(browser)
  await signIn(page)
  const sent = await page.request.post('/api/v1/tasks', {
    data: { model: 'jimeng-video-3.0', prompt: 'a paper boat' },
  })
  expect(sent.status()).toBe(201)
  await page.getByRole('navigation', { name: 'Main' }).getByRole('link', { name: 'Usage' }).click()
  const table = page.getByRole('grid', { name: 'Usage' })
  await table.getByRole('row', { name: /^Total/ }).waitFor()
  await page.locator('canvas').waitFor()
  await screenshot(page, 'usage')
  await expectAccessible(page)

  await page.getByRole('radio', { name: 'model' }).check({ force: true })
  await page.waitForURL(/by=model/)
  await table.getByRole('row', { name: /jimeng-video-3\.0/ }).waitFor()
  await table.getByRole('columnheader', { name: 'Tasks' }).click()
  await page.waitForURL(/sort=tasks/)
  await page.getByRole('button', { name: /All keys/ }).click()
  const me = (await call('GET', '/api/v1/me')) as { key: { name: string } }
  await page.getByRole('option', { name: me.key.name }).first().click()
  await page.waitForURL(/key=/)
  await table.getByRole('row', { name: /jimeng-video-3\.0/ }).waitFor()
  await page.reload() // the address is enough to come back
  await table.getByRole('row', { name: /jimeng-video-3\.0/ }).waitFor()
  await screenshot(page, 'usage-by-model')
  await expectAccessible(page)

  const href = await page.getByRole('link', { name: 'Download CSV' }).getAttribute('href')
  const csv = await (await page.request.get(href ?? '')).text()
  expect(csv.split('\n')[0]?.trim()).toBe('model,requests,tasks,succeeded,failed,cancelled,seconds,credits')
  expect(csv).toContain('jimeng-video-3.0')
  expect(complaints).toEqual([])
  await page.context().close()
})

test('on a phone, in Chinese, in the dark', async () => {
  const { page, complaints } = await visit(browser, { locale: 'zh-CN', colorScheme: 'dark', ...phone })
  await page.getByLabel('API 密钥').fill(key)
  await page.getByRole('button', { name: '登录' }).click()
  await page.getByRole('navigation').first().waitFor()
  await page.goto('/usage?range=7d')
  await page.getByRole('row', { name: /^合计/ }).waitFor()
  await page.locator('canvas').waitFor()
  await screenshot(page, 'phone-usage-zh-dark')
  await expectNoSidewaysScroll(page)
  await expectAccessible(page)
  expect(complaints).toEqual([])
  await page.context().close()
})

test('a key that has used nothing sees what to do', async () => {
  const { page, complaints } = await visit(browser)
  await signIn(page)
  const made = await page.request.post('/api/v1/keys', { data: { name: 'unused', scopes: ['task:read'] } })
  const { key: unused } = (await made.json()) as { key: { id: string } }
  await page.goto(`/usage?key=${unused.id}`)
  await page.getByText('Nothing was used in this time').waitFor()
  await screenshot(page, 'usage-empty')
  await expectAccessible(page)
  expect(complaints).toEqual([])
  await call('DELETE', `/api/v1/keys/${unused.id}`)
  await page.context().close()
})
