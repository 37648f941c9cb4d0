import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { expectAccessible, expectNoSidewaysScroll, launch, phone, screenshot, signIn, visit } from './browser'
import { baseUrl, key, patience } from './environment'
import { png } from './files'

let browser: Browser
beforeAll(async () => {
  browser = await launch()
})
afterAll(() => browser.close())

/** Makes a task over the API. The simulator does what is in its prompt's double brackets. */
async function make(prompt: string, withFile = false): Promise<string> {
  const form = new FormData()
  form.set('model', 'jimeng-video-seedance-2.0')
  form.set('prompt', prompt)
  if (withFile) {
    const { name, mimeType, buffer } = png('boat.png')
    form.append('files', new Blob([buffer], { type: mimeType }), name)
  }
  const answer = await fetch(`${baseUrl}/api/v1/tasks`, {
    method: 'POST',
    headers: { Authorization: `Bearer ${key}` },
    body: form,
  })
  const { task } = (await answer.json()) as { task: { id: string } }
  return task.id
}

async function expectStatus(page: Page, status: string): Promise<void> {
  await page.locator(`main [data-status="${status}"]`).first().waitFor({ timeout: patience })
}

test('a task tells what happened, what went in, and how to repeat it', async () => {
  const id = await make('@1 drifts <b>softly</b> מים 🚣', true)
  const { page, complaints } = await visit(browser)
  await signIn(page)
  await page.goto(`/tasks/${id}`)
  await expectStatus(page, 'succeeded')
  await page.getByRole('heading', { name: 'What happened' }).waitFor()
  const timeline = page.getByRole('region', { name: 'What happened' })
  await timeline.getByText('The upstream has generated it').waitFor()
  await timeline.getByText('succeeded').waitFor()
  expect(await page.locator('video').getAttribute('poster')).toContain('/v1/artifacts/')

  await page.getByRole('link', { name: '@1', exact: true }).click()
  expect(new URL(page.url()).hash).toBe('#material-1')
  await page.getByText('<b>softly</b>').first().waitFor()
  await page.getByRole('tab', { name: 'Repeat with curl' }).click()
  await page.getByRole('region', { name: 'Copy the request in curl' }).getByText('"file_paths"').waitFor()
  await screenshot(page, 'task-succeeded')
  await expectAccessible(page)
  await page.getByRole('link', { name: 'In the logs' }).click()
  await page.waitForURL(`**/logs?task=${id}`)
  expect(complaints).toEqual([])
  await page.context().close()
})

test('retry with changes fills the playground in, materials too', async () => {
  const id = await make('@1 drifts slowly', true)
  const { page, complaints } = await visit(browser)
  await signIn(page)
  await page.goto(`/tasks/${id}`)
  await page.getByRole('button', { name: 'Retry with changes' }).click()
  const prompt = page.getByLabel('Prompt', { exact: true })
  await expect.poll(() => prompt.inputValue()).toBe('@1 drifts slowly')
  await page.getByRole('button', { name: 'Put @1 into the prompt (boat.png)' }).waitFor()
  await page.getByText('jimeng-video-seedance-2.0').first().waitFor()
  await page.reload() // what the gateway has outlives it
  await page.getByRole('button', { name: 'Put @1 into the prompt (boat.png)' }).waitFor()
  await prompt.fill('@1 drifts quickly')
  await page.getByRole('button', { name: /^Generate/ }).click()
  await page.waitForURL(/\?task=/)
  await page.getByRole('link', { name: 'Details' }).click()
  await page.waitForURL(/\/tasks\/./)
  await page.getByRole('link', { name: 'Open material 1 (boat.png)' }).waitFor()
  expect(complaints).toEqual([])
  await page.context().close()
})

test('a failure keeps the upstream’s words; it can be retried and deleted', async () => {
  const id = await make('a boat [[fault:content_violation]]')
  const { page, complaints } = await visit(browser)
  await signIn(page)
  await page.goto(`/tasks/${id}`)
  await page.getByText('The upstream says').waitFor({ timeout: patience })
  await screenshot(page, 'task-failed')
  await expectAccessible(page)
  await page.getByRole('button', { name: 'Retry', exact: true }).click()
  await page.waitForURL((url) => url.pathname.startsWith('/tasks/') && !url.pathname.endsWith(id))
  await page.getByRole('link', { name: id }).waitFor()
  await page.goto(`/tasks/${id}`)
  await page.getByRole('button', { name: 'Delete', exact: true }).click()
  await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click()
  await page.waitForURL('**/tasks')
  await page.getByText('The task is deleted.').waitFor()
  expect(complaints).toEqual([])
  await page.context().close()
})

test('a running task shows how far it is and can be cancelled, in Chinese on a phone', async () => {
  const id = await make('一只纸船 [[delay:600s]] [[queue:37/812]]')
  const { page, complaints } = await visit(browser, { ...phone, locale: 'zh-CN' })
  await page.getByLabel('API 密钥').fill(key)
  await page.getByRole('button', { name: '登录' }).click()
  await page.getByRole('navigation').first().waitFor()
  await page.goto(`/tasks/${id}`)
  await page.getByRole('heading', { name: '经过' }).waitFor()
  await screenshot(page, 'phone-task-running-zh')
  await expectNoSidewaysScroll(page)
  await expectAccessible(page)
  await page.getByRole('button', { name: '取消' }).click()
  await expectStatus(page, 'cancelled')
  expect(complaints).toEqual([])
  await page.context().close()
})
