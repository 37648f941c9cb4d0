import type { Browser, BrowserContextOptions } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { expectAccessible, expectNoSidewaysScroll, launch, phone, screenshot, visit } from './browser'
import { baseUrl, key as adminKey, patience } from './environment'

/** Every page, with its heading in both languages, and what stands there only once its data is. */
const pages = [
  { path: '/', shows: '[data-tone]', en: 'Overview', zh: '概览' },
  { path: '/tasks', shows: 'main a[href^="/tasks/"]', en: 'Tasks', zh: '任务' },
  { path: '/playground', shows: 'main a[href*="task="]', en: 'Playground', zh: '创作' },
  { path: '/sessions', shows: 'main >> text=supercalifragilistic', en: 'Sessions', zh: '账号' },
  { path: '/keys', shows: 'main >> text=supercalifragilistic', en: 'Keys', zh: '密钥' },
  { path: '/usage', shows: 'main canvas', en: 'Usage', zh: '用量' },
  { path: '/logs', shows: '[role=log] li', en: 'Logs', zh: '日志' },
  { path: '/audit', shows: 'main time', en: 'Audit', zh: '审计' },
  { path: '/sign-ins', shows: 'main time', en: 'My sessions', zh: '我的登录' },
  { path: '/about', shows: 'main table', en: 'About', zh: '关于' },
]

/** Names and prompts as somebody who means ill, or just lives elsewhere, would write them. */
const strange = [
  '<img src=x onerror=alert(1)><script>alert(2)</script>',
  'قارب من ورق يطفو على بركة عند الغسق',
  '👩‍👩‍👧‍👦🚣🏽‍♀️ e\u0301\u0302\u0303 a\u200Bb',
  'supercalifragilistic'.repeat(40),
]

const looks: { name: string; language: 'en' | 'zh'; options: BrowserContextOptions }[] = [
  { name: 'light', language: 'en', options: { colorScheme: 'light' } },
  { name: 'dark-zh', language: 'zh', options: { colorScheme: 'dark', locale: 'zh-CN' } },
  { name: 'phone-zh', language: 'zh', options: { ...phone, colorScheme: 'light', locale: 'zh-CN' } },
  { name: 'phone-dark', language: 'en', options: { ...phone, colorScheme: 'dark' } },
]

let browser: Browser
const made: string[] = []
beforeAll(async () => {
  browser = await launch()
  for (const text of strange) {
    const { key } = await ask<{ key: { id: string } }>('POST', '/api/v1/keys', { name: text.slice(0, 80) })
    const { session } = await ask<{ session: { id: string } }>('POST', '/api/v1/sessions', {
      session_id: `strange-${Math.random()}`,
      label: text.slice(0, 80),
    })
    await ask('POST', '/api/v1/tasks', {
      model: 'jimeng-video-3.0',
      prompt: `${text} [[fault:content_violation]]`,
    })
    made.push(`/api/v1/keys/${key.id}`, `/api/v1/sessions/${session.id}`)
  }
})
afterAll(async () => {
  for (const path of made) await ask('DELETE', path)
  await browser.close()
})

test.each(looks)('every page, $name', async ({ name, language, options }) => {
  const { page, complaints } = await visit(browser, options)
  await page.getByLabel(language === 'en' ? 'API key' : 'API 密钥').fill(adminKey)
  await page.getByRole('button', { name: language === 'en' ? 'Sign in' : '登录' }).click()
  await page.getByRole('navigation', { name: language === 'en' ? 'Main' : '主导航' }).waitFor()
  for (const { path, shows, ...heading } of pages) {
    await page.goto(path)
    await page
      .getByRole('heading', { level: 1, name: heading[language], exact: true })
      .waitFor({ timeout: patience })
    await page.locator(shows).first().waitFor({ timeout: patience })
    await screenshot(page, `page-${path === '/' ? 'overview' : path.slice(1)}-${name}`)
    await expectAccessible(page)
    await expectNoSidewaysScroll(page)
    expect(complaints, path).toEqual([])
  }
  await page.context().close()
})

test('a page behind which the API fails says so and offers to try again', async () => {
  const { page } = await visit(browser)
  await page.getByLabel('API key').fill(adminKey)
  await page.getByRole('button', { name: 'Sign in' }).click()
  await page.getByRole('navigation', { name: 'Main' }).waitFor()
  await page.context().route(/\/api\/v1\/(?!events|status)/, (route) =>
    route.fulfill({
      status: 500,
      contentType: 'application/problem+json',
      body: JSON.stringify({
        title: 'Internal',
        status: 500,
        detail: 'the disk is on fire',
        code: 'internal',
      }),
    }),
  )
  for (const { path, en } of pages) {
    await page.goto(path)
    await page.getByRole('heading', { level: 1, name: en, exact: true }).waitFor()
    await page
      .getByText(/the disk is on fire|No connection to the gateway/)
      .first()
      .waitFor({ timeout: 20_000 })
    await expectAccessible(page)
  }
  await page.context().close()
})

/** Asks past the page. */
async function ask<T>(method: string, path: string, data?: unknown): Promise<T> {
  const answer = await fetch(baseUrl + path, {
    method,
    headers: { Authorization: `Bearer ${adminKey}`, 'Content-Type': 'application/json' },
    body: data === undefined ? undefined : JSON.stringify(data),
  })
  const text = await answer.text()
  expect(answer.ok, text).toBe(true)
  return JSON.parse(text) as T
}
