import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { launch, signIn, visit } from './browser'

let browser: Browser
beforeAll(async () => {
  browser = await launch()
})
afterAll(() => browser.close())

const rounds = 5
/** Milliseconds until the first page can be used on a machine that is four times as slow. */
const patience = 1000
/** Bytes of script, compressed, until then. */
const scriptBudget = 250_000

test('the first page is there at once, also on a slow machine', async () => {
  const { page } = await visit(browser)
  await signIn(page)
  const session = await page.context().newCDPSession(page)
  await session.send('Emulation.setCPUThrottlingRate', { rate: 4 })
  const usable: number[] = []
  let bytes = 0
  for (let round = 0; round < rounds; round++) {
    // Without the cache: as somebody who comes for the first time.
    await session.send('Network.clearBrowserCache')
    await page.goto('/', { waitUntil: 'commit' })
    await page.getByRole('navigation', { name: 'Main' }).waitFor()
    await page.locator('main :is(p, figure, ul, table, section)').first().waitFor()
    const seen = await page.evaluate(() => ({
      at: performance.now(),
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
    `first page usable after ${median.toFixed(0)} ms (median of ${rounds}: ${usable.map((ms) => ms.toFixed(0)).join(', ')}) ` +
      `with the CPU slowed down four times; ${(bytes / 1000).toFixed(0)} kB of script over the wire`,
  )
  expect(bytes).toBeGreaterThan(0)
  expect(bytes).toBeLessThan(scriptBudget)
  expect(median).toBeLessThan(patience)
  await page.context().close()
})
