import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { expectAccessible, expectNoSidewaysScroll, launch, phone, screenshot, signIn, visit } from './browser'
import { patience } from './environment'
import { png } from './files'
import { call, seed, unique } from './seed'

let browser: Browser
beforeAll(async () => {
  browser = await launch()
})
afterAll(() => browser.close())

test('a prompt and a file go in, a video comes out and plays', async () => {
  const { page, complaints } = await visit(browser)
  await signIn(page)
  await page.goto('/playground')
  await page.getByLabel('Prompt', { exact: true }).fill('A paper boat like @1 sails across a puddle at dusk')
  await addFile(page, 'boat.png')
  await page.getByRole('button', { name: /^Put @1 into the prompt/ }).waitFor()
  await screenshot(page, 'playground-filled')
  await expectAccessible(page)

  await page.getByRole('button', { name: /^Generate/ }).click()
  await page.waitForURL(/\?task=/)
  const result = page.getByRole('region', { name: 'Result' })
  await result.locator('[data-status]').waitFor()
  const seen = new Set<string>()
  await expect
    .poll(
      async () => {
        const status = (await result.locator('[data-status]').first().getAttribute('data-status')) ?? ''
        if (!seen.has(status)) await screenshot(page, `playground-${status}`)
        seen.add(status)
        return status
      },
      { timeout: patience, interval: 200 },
    )
    .toBe('succeeded')
  expect(seen.size, `saw only ${[...seen].join()}`).toBeGreaterThan(1)
  await expectPlays(page)
  await screenshot(page, 'playground-succeeded')
  await expectAccessible(page)

  const task = new URL(page.url()).searchParams.get('task') ?? ''
  await page.reload() // the address is enough to come back
  await expectPlays(page)

  await page.getByRole('link', { name: 'Details' }).click()
  await page.waitForURL(`**/tasks/${task}`)
  await page.getByRole('link', { name: 'Open material 1 (boat.png)' }).waitFor()
  await expectPlays(page)
  await screenshot(page, 'task')
  await expectAccessible(page)

  await page.getByRole('navigation', { name: 'Main' }).getByRole('link', { name: 'Tasks' }).click()
  await page
    .getByRole('link', { name: /A paper boat like @1/ })
    .first()
    .waitFor()
  await screenshot(page, 'tasks')
  await expectAccessible(page)
  await page.getByRole('navigation', { name: 'Status' }).getByRole('link', { name: 'succeeded' }).click()
  await page.waitForURL(/status=succeeded/)
  await page
    .getByRole('link', { name: /A paper boat like @1/ })
    .first()
    .click()
  await page.waitForURL(/\/tasks\/./)
  await page.goBack()
  expect(new URL(page.url()).search).toBe('?status=succeeded')
  expect(complaints).toEqual([])
  await page.context().close()
})

test('what is missing is said before anything is sent', async () => {
  const { page, complaints } = await visit(browser)
  await signIn(page)
  await page.goto('/playground')
  let sent = 0
  page.on('request', (request) => (sent += request.url().endsWith('/v1/videos/generations') ? 1 : 0))
  await page.getByRole('button', { name: /^Generate/ }).click()
  await page.getByRole('alert').first().waitFor()
  await screenshot(page, 'playground-missing')
  await expectAccessible(page)
  expect(sent).toBe(0)
  expect(complaints).toEqual([])
  await page.context().close()
})

test('by keyboard alone, in Chinese, in the dark', async () => {
  const { page, complaints } = await visit(browser, { locale: 'zh-CN', colorScheme: 'dark' })
  // The browser is told to hand choosers over when somebody listens, which must
  // not come as late as the key that opens one.
  page.on('filechooser', () => undefined)
  const field = page.getByLabel('API 密钥')
  await field.waitFor() // it has the focus where there is no other way to sign in
  while (!(await field.evaluate((element) => element === document.activeElement))) {
    await page.keyboard.press('Tab')
  }
  await page.keyboard.type(process.env.KEY ?? '')
  await page.keyboard.press('Enter')
  await page.getByRole('navigation').first().waitFor()
  await page.goto('/playground')
  await page.getByRole('heading', { name: '创作' }).waitFor()

  await page.keyboard.press('Tab')
  expect(await page.evaluate(() => document.activeElement?.textContent)).toBe('跳到内容')
  await page.keyboard.press('Enter')
  await tabTo(page, '提示词')
  await page.keyboard.type('黄昏，一只纸船漂过水洼')
  await tabTo(page, '添加文件')
  const chooser = page.waitForEvent('filechooser')
  await page.keyboard.press('Enter')
  await (await chooser).setFiles([png('boat.png')])
  await page.getByRole('button', { name: /^在提示词中插入 @1/ }).waitFor()
  await page.keyboard.press('Control+Enter')
  await page.waitForURL(/\?task=/)
  await page.locator('video').waitFor({ timeout: patience })
  await expectPlays(page)
  await screenshot(page, 'playground-zh-dark')
  await expectAccessible(page)
  await page.getByRole('link', { name: '详情' }).click()
  await page.getByRole('heading', { name: '详细信息' }).waitFor()
  await screenshot(page, 'task-zh-dark')
  await expectAccessible(page)
  expect(complaints).toEqual([])
  await page.context().close()
})

test('on a phone', async () => {
  const mark = unique('phone')
  const [task = ''] = await seed([`A paper boat on a ${mark}`])
  await expect.poll(async () => statusOf(task), { timeout: patience }).toBe('succeeded')
  const { page, complaints } = await visit(browser, phone)
  await signIn(page)
  await page.goto('/playground')
  await page.getByRole('button', { name: /^Generate/ }).waitFor()
  await screenshot(page, 'phone-playground')
  await expectNoSidewaysScroll(page)
  await expectAccessible(page)
  await page.getByRole('navigation', { name: 'Main' }).getByRole('link', { name: 'Tasks' }).click()
  await page.getByRole('heading', { name: 'Tasks' }).waitFor()
  await page.goto(`/tasks?q=${mark}`)
  const link = page.getByRole('link', { name: new RegExp(mark) }).first()
  await link.waitFor()
  await screenshot(page, 'phone-tasks')
  await expectNoSidewaysScroll(page)
  await expectAccessible(page)
  await link.click()
  await page.locator('video').waitFor()
  await screenshot(page, 'phone-task')
  await expectNoSidewaysScroll(page)
  expect(complaints).toEqual([])
  await page.context().close()
})

async function statusOf(task: string): Promise<string> {
  const answer = (await call('GET', `/api/v1/tasks/${task}`)) as { task: { status: string } }
  return answer.task.status
}

async function addFile(page: Page, name: string): Promise<void> {
  const chooser = page.waitForEvent('filechooser')
  await page.getByRole('button', { name: 'Add files' }).click()
  await (await chooser).setFiles([png(name)])
}

/** Expects a player that has a picture and whose time goes on. */
async function expectPlays(page: Page): Promise<void> {
  const video = page.locator('video')
  await video.waitFor()
  const played = await video.evaluate(async (element: HTMLVideoElement) => {
    element.muted = true // no browser plays sound before somebody has clicked
    await element.play()
    await new Promise<void>((resolve) => {
      element.ontimeupdate = () => element.currentTime > 0.2 && resolve()
      element.onended = () => resolve()
    })
    element.pause()
    return { width: element.videoWidth, time: element.currentTime }
  })
  expect(played.width).toBeGreaterThan(0)
  expect(played.time).toBeGreaterThan(0)
}

/** Goes on with Tab until the control with this name has the focus. */
async function tabTo(page: Page, name: string): Promise<void> {
  for (let presses = 0; presses < 40; presses++) {
    const focused = await page.evaluate(() => {
      const element = document.activeElement as HTMLInputElement | null
      return element?.labels?.[0]?.textContent ?? element?.ariaLabel ?? element?.textContent ?? ''
    })
    if (focused === name) return
    await page.keyboard.press('Tab')
  }
  throw new Error(`Tab does not reach ${name}`)
}
