import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { launch, signIn, visit } from './browser'

let browser: Browser
beforeAll(async () => {
  browser = await launch()
})
afterAll(() => browser.close())

const rounds = 5
/** What the first page should reach on a quiet machine, and what no machine may exceed; milliseconds. */
const goal = 1000
const patience = 3000
/** Bytes of script, compressed, until then. */
const scriptBudget = 250_000

declare global {
  interface Window {
    /** When the page could be used, in milliseconds after it was asked for. */
    usableAt?: number
  }
}

test('the first page is there at once, also on a slow machine', async () => {
  const { page } = await visit(browser)
  await signIn(page)
  // The page itself takes the time: asking from outside would be slowed down with it.
  await page.addInitScript(() => {
    const observer = new MutationObserver(() => {
      if (!document.querySelector('nav a') || !document.querySelector('main h2, main p')) return
      window.usableAt = performance.now()
      observer.disconnect()
    })
    observer.observe(document, { childList: true, subtree: true })
  })
  const session = await page.context().newCDPSession(page)
  await session.send('Emulation.setCPUThrottlingRate', { rate: 4 })
  const usable: number[] = []
  let bytes = 0
  for (let round = 0; round < rounds; round++) {
    // Without the cache: as somebody who comes for the first time.
    await session.send('Network.clearBrowserCache')
    await page.goto('/')
    await page.waitForFunction(() => window.usableAt !== undefined)
    const seen = await page.evaluate(() => ({
      at: window.usableAt ?? Infinity,
      bytes: performance
        .getEntriesByType('resource')
        .filter((entry) => entry.name.endsWith('.js'))
        .reduce((sum, entry) => sum + (entry as PerformanceResourceTiming).encodedBodySize, 0),
    }))
    usable.push(seen.at)
    bytes = Math.max(bytes, seen.bytes)
  }
  usable.sort((a, b) => a - b)
  const median = usable[Math.floor(rounds / 2)] ?? Infinity
  console.log(
    `first page usable after ${median.toFixed(0)} ms (goal ${goal}; median of ${rounds}: ${usable.map((ms) => ms.toFixed(0)).join(', ')}) ` +
      `with the CPU slowed down four times; ${(bytes / 1000).toFixed(0)} kB of script over the wire`,
  )
  expect(bytes).toBeGreaterThan(0)
  expect(bytes).toBeLessThan(scriptBudget)
  expect(median).toBeLessThan(patience)
  await page.context().close()
})
