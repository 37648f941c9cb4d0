import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { chromium as engine, type Browser, type BrowserContextOptions, type Page } from 'playwright-core'
import { expect } from 'vitest'
import { artifacts, baseUrl, chromium, key } from './environment'

const axe = fileURLToPath(import.meta.resolve('axe-core/axe.min.js'))

export function launch(): Promise<Browser> {
  return engine.launch({
    executablePath: chromium,
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      '--no-first-run',
    ],
  })
}

export const desktop = { viewport: { width: 1360, height: 860 } }
export const phone = { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true }

export interface Visit {
  page: Page
  /** What the browser complained about since the page was opened. */
  complaints: string[]
}

/** Opens the dashboard as somebody who was never here before. */
export async function visit(browser: Browser, options: BrowserContextOptions = {}): Promise<Visit> {
  const context = await browser.newContext({ baseURL: baseUrl, locale: 'en-US', ...desktop, ...options })
  const page = await context.newPage()
  page.setDefaultTimeout(15_000)
  const complaints: string[] = []
  page.on('pageerror', (error) => complaints.push(String(error)))
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') {
      complaints.push(`${message.type()}: ${message.text()} (${message.location().url})`)
    }
  })
  await page.goto('/')
  return { page, complaints }
}

export async function signIn(page: Page, as = key): Promise<void> {
  await page.getByLabel('API key').fill(as)
  await page.getByRole('button', { name: 'Sign in' }).click()
  await page.getByRole('navigation', { name: 'Main' }).waitFor()
}

export async function screenshot(page: Page, name: string): Promise<void> {
  if (artifacts) await page.screenshot({ path: join(artifacts, `${name}.png`) })
}

/** Expects that axe finds nothing to object to in what the page shows now. */
export async function expectAccessible(page: Page): Promise<void> {
  await page.evaluate(await readFile(axe, 'utf8'))
  const violations = await page.evaluate(async () => {
    const { axe } = window as unknown as { axe: typeof import('axe-core') }
    const { violations } = await axe.run(document)
    return violations.map(
      ({ id, help, nodes }) => `${id}: ${help}: ${nodes.map((node) => node.html).join(' | ')}`,
    )
  })
  expect(violations).toEqual([])
}

/** Expects that nothing is wider than the page. */
export async function expectNoSidewaysScroll(page: Page): Promise<void> {
  const over = await page.evaluate(
    () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
  )
  expect(over).toBeLessThanOrEqual(0)
}
