import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { expectAccessible, expectNoSidewaysScroll, launch, phone, screenshot, signIn, visit } from './browser'
import { call } from './seed'

let browser: Browser
beforeAll(async () => {
  browser = await launch()
})
afterAll(() => browser.close())

const name = `<b>مرحبا</b> 🚣 ${Date.now()}`

test('a key is made, changed, rotated, disabled and deleted', async () => {
  const { page, complaints } = await visit(browser)
  await signIn(page)
  await page.goto('/keys')
  await page.getByRole('button', { name: 'New key' }).click()
  await page.getByRole('textbox', { name: 'Name', exact: true }).fill(name)
  await page.getByLabel('Requests a minute').fill('60')
  await expectAccessible(page)
  await screenshot(page, 'key-form')
  await page.getByRole('button', { name: 'Make key' }).click()
  await page.getByText('This is the only time').waitFor()
  const secret = await page.getByRole('region', { name: 'Copy the key' }).innerText()
  expect(secret).toMatch(/^gw_/)
  await expectAccessible(page)
  await page.getByRole('button', { name: 'I have copied it' }).click()
  expect(await page.content()).not.toContain(secret.trim())

  await page.getByRole('link', { name }).click()
  expect(new URL(page.url()).searchParams.get('key')).not.toBeNull()
  const panel = page.getByRole('dialog', { name })
  await panel.getByLabel('Networks').fill('not a network')
  await panel.getByRole('button', { name: 'Save' }).click()
  await panel.getByRole('alert').waitFor()
  // What is wrong is said at its field, and goes when the field is changed.
  expect(await panel.getByLabel('Networks').getAttribute('aria-invalid')).toBe('true')
  await expectAccessible(page)
  await screenshot(page, 'key-refused')
  await panel.getByLabel('Networks').fill('')
  await panel.getByLabel('Tasks a day').fill('7')
  await panel.getByRole('button', { name: 'Save' }).click()
  await page.getByText('Saved').waitFor()
  expect(await panel.getByLabel('Networks').getAttribute('aria-invalid')).toBeNull()
  expect(await panel.getByLabel('Tasks a day').inputValue()).toBe('7')
  await panel.getByRole('button', { name: 'Disable' }).click()
  await panel.getByRole('button', { name: 'Enable' }).click()
  await panel.getByRole('button', { name: 'Disable' }).waitFor()
  await panel.getByRole('button', { name: 'New secret' }).click()
  await page.getByText('1 hour').click()
  await page.getByRole('button', { name: 'New secret' }).last().click()
  await page.getByRole('button', { name: 'I have copied it' }).click()
  await panel.getByText('The old secret works until').waitFor()
  await panel.getByRole('button', { name: 'Delete' }).click()
  await page.getByRole('button', { name: 'Delete key' }).click()
  await page.getByRole('link', { name }).waitFor({ state: 'detached' })
  await expectAccessible(page)
  // Chromium reports the refused change; nothing else may be reported.
  expect(complaints.filter((complaint) => !complaint.includes('400'))).toEqual([])
  await page.context().close()
})

test('who is no admin sees no keys', async () => {
  const { key } = await call('POST', '/api/v1/keys', { name: 'looks at tasks', scopes: ['task:read'] })
  const { id, key: secret } = key as { id: string; key: string }
  const { page } = await visit(browser)
  await signIn(page, secret)
  expect(await page.getByRole('link', { name: 'Keys' }).count()).toBe(0)
  await page.goto('/keys') // by an address that somebody has sent
  await page.getByText('admin').first().waitFor()
  expect(await page.getByRole('button', { name: 'New key' }).count()).toBe(0)
  await screenshot(page, 'keys-refused')
  await expectAccessible(page)
  await page.context().close()
  await call('DELETE', `/api/v1/keys/${id}`)
})

test('on a phone, in Chinese', async () => {
  const { page, complaints } = await visit(browser, { ...phone, locale: 'zh-CN' })
  await page.locator('input[type=password]').fill(process.env.KEY ?? '')
  await page.keyboard.press('Enter')
  await page.getByRole('button', { name: '更多' }).waitFor()
  await page.goto('/keys')
  await page.getByRole('button', { name: '新建密钥' }).click()
  await page.getByRole('dialog').waitFor()
  await expectAccessible(page)
  await expectNoSidewaysScroll(page)
  await screenshot(page, 'key-phone-zh')
  expect(complaints).toEqual([])
  await page.context().close()
})
