import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { expectAccessible, launch, screenshot, signIn, visit } from './browser'

let browser: Browser
beforeAll(async () => {
  browser = await launch()
})
afterAll(() => browser.close())

test('a wrong key is refused in plain words, the right one opens the overview', async () => {
  const { page, complaints } = await visit(browser)
  await page.getByRole('heading', { name: 'Sign in' }).waitFor()
  await screenshot(page, 'sign-in')
  await expectAccessible(page)

  await page.getByRole('button', { name: 'Sign in' }).click()
  await page.getByText('Enter your key.').waitFor()

  await page.getByLabel('API key').fill(`gw_${'0'.repeat(32)}`)
  await page.getByRole('button', { name: 'Sign in' }).click()
  await page.getByText('The gateway does not know this key').waitFor()
  await screenshot(page, 'sign-in-wrong-key')
  await expectAccessible(page)
  // Chromium reports each refused request; nothing else may be reported.
  expect(complaints.filter((complaint) => !complaint.includes('/auth/key'))).toEqual([])

  await signIn(page)
  expect(await page.evaluate(() => JSON.stringify({ ...localStorage, ...sessionStorage }))).not.toContain(
    'gw_',
  )
  expect(await page.evaluate(() => document.cookie)).toBe('')

  await page.reload()
  await page.getByRole('heading', { name: 'Overview' }).waitFor()

  await page.getByRole('button', { name: /^Account/ }).click()
  await page.getByRole('menuitem', { name: 'Sign out' }).click()
  await page.getByRole('heading', { name: 'Sign in' }).waitFor()
  await page.context().close()
})

test('the address stays the same while one signs in', async () => {
  const { page } = await visit(browser)
  await page.goto('/tasks?status=failed')
  await page.getByLabel('API key').waitFor()
  await page.getByLabel('API key').fill(process.env.KEY ?? '')
  await page.keyboard.press('Enter')
  await page.getByRole('heading', { name: 'Tasks' }).waitFor()
  expect(new URL(page.url()).search).toBe('?status=failed')
  await page.context().close()
})
