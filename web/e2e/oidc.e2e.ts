import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { baseUrl, oidcIssuer } from './environment'
import { launch, visit } from './browser'

let browser: Browser
beforeAll(async () => {
  browser = await launch()
})
afterAll(() => browser.close())

async function signInAs(page: Page, name: string): Promise<void> {
  await page.getByRole('heading', { name: 'Provider' }).waitFor()
  await page.getByLabel('Name').fill(name)
  await page.getByRole('button', { name: 'Continue' }).click()
}

const me = (page: Page) =>
  page.evaluate(async () => (await (await fetch('/auth/me')).json()) as Record<string, unknown>)

// The provider is on another site than the gateway, so that cookies have to come
// back as they do in the wild.
test.skipIf(!oidcIssuer)('one signs in at the provider and comes back to where one was', async () => {
  const { page } = await visit(browser)
  await page.goto('/tasks?status=failed')
  await page.getByRole('link', { name: /^Sign in with/ }).click()
  expect(new URL(page.url()).origin).toBe(oidcIssuer)
  await signInAs(page, 'ann')
  await page.getByRole('heading', { name: 'Tasks' }).waitFor()
  expect(page.url()).toBe(`${baseUrl}/tasks?status=failed`)
  expect(await me(page)).toMatchObject({
    authenticated: true,
    kind: 'person',
    name: 'Ann Lee',
    role: 'operator',
  })

  // No script of the page can read what signs in, and no address has it.
  const kept = await page.evaluate(
    () => document.cookie + JSON.stringify({ ...localStorage, ...sessionStorage }),
  )
  expect(kept).not.toMatch(/jimeng_|eyJ|token/)
  const cookies = await page.context().cookies(baseUrl)
  expect(cookies).toMatchObject([{ name: 'jimeng_session', httpOnly: true, sameSite: 'Lax' }])

  const left = await page.evaluate(async () => {
    const answer = await fetch('/auth/logout', { method: 'POST' })
    return (await answer.json()) as { redirect: string }
  })
  expect(new URL(left.redirect).origin).toBe(oidcIssuer)
  await page.goto('/')
  await page.getByRole('heading', { name: 'Sign in' }).waitFor()
  await page.context().close()
})

test.skipIf(!oidcIssuer)('whoever has no role stays outside', async () => {
  const { page } = await visit(browser)
  await page.goto('/')
  await page.getByRole('link', { name: /^Sign in with/ }).click()
  await signInAs(page, 'bob')
  await page.getByText('nobody has given you a role').waitFor()
  expect(new URL(page.url()).search).toBe('?error=no_role')
  expect(await me(page)).toMatchObject({ authenticated: false })
  await page.context().close()
})
