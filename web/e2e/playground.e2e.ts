import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { expectAccessible, expectNoSidewaysScroll, launch, phone, screenshot, signIn, visit } from './browser'
import { key } from './environment'
import { png } from './files'

let browser: Browser
beforeAll(async () => {
  browser = await launch()
})
afterAll(() => browser.close())

async function addFiles(page: Page, button: string, names: string[]): Promise<void> {
  const chooser = page.waitForEvent('filechooser')
  await page.getByRole('button', { name: button }).click()
  await (await chooser).setFiles(names.map((name) => png(name)))
}

test('"@" offers the materials; references follow when these are moved and removed', async () => {
  const { page, complaints } = await visit(browser)
  await signIn(page)
  await page.goto('/playground')
  await addFiles(page, 'Add files', ['boat.png', 'pond.png'])
  const prompt = page.getByLabel('Prompt', { exact: true })
  await prompt.pressSequentially('A film of @')
  await page.getByRole('listbox', { name: 'Materials' }).waitFor()
  await screenshot(page, 'playground-completion')
  await expectAccessible(page)
  await prompt.press('ArrowDown')
  await prompt.press('Enter')
  await expect.poll(() => prompt.inputValue()).toBe('A film of @2 ')
  await prompt.pressSequentially('and @boa')
  await page.getByRole('option', { name: /boat\.png/ }).click()
  await expect.poll(() => prompt.inputValue()).toBe('A film of @2 and @1 ')

  await page.getByRole('button', { name: 'Move @2 forward (pond.png)' }).click()
  await expect.poll(() => prompt.inputValue()).toBe('A film of @1 and @2 ')
  await page.getByRole('button', { name: 'Remove pond.png' }).click()
  await expect.poll(() => prompt.inputValue()).toBe('A film of  and @1 ')
  expect(complaints).toEqual([])
  await page.context().close()
})

test('files are dropped and pasted; one that is too large for the key is said before it is sent', async () => {
  const { page, complaints } = await visit(browser)
  await signIn(page)
  await page.route('**/api/v1/me', async (route) => {
    const answer = await route.fetch()
    const me = (await answer.json()) as { key: object }
    await route.fulfill({ response: answer, json: { ...me, key: { ...me.key, max_upload: 5000 } } })
  })
  await page.goto('/playground')
  await page.getByRole('button', { name: 'Add files' }).waitFor()
  await drop(page, 'dropped.png')
  await page.getByRole('button', { name: /^Put @1 into the prompt \(?.*dropped\.png/ }).waitFor()
  await paste(page, 'pasted.png', 100)
  await page.getByRole('button', { name: /^Put @2 into the prompt \(?.*pasted\.png/ }).waitFor()
  expect(await page.getByText('your key may send').count()).toBe(0)
  await paste(page, 'large.png', 8000)
  await page.getByText('large.png has 8 kB; your key may send 5 kB in one file.').waitFor()
  await screenshot(page, 'playground-large')
  await expectAccessible(page)
  expect(complaints).toEqual([])
  await page.context().close()
})

/** Drops a file on the prompt as the system does, which no script of a page can. */
async function drop(page: Page, name: string): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'dropped-'))
  const file = join(folder, name)
  await writeFile(file, png(name).buffer)
  const box = await page.getByLabel('Prompt', { exact: true }).boundingBox()
  if (!box) throw new Error('the prompt has no place')
  const [x, y] = [box.x + box.width / 2, box.y + box.height / 2]
  const devtools = await page.context().newCDPSession(page)
  const data = { items: [], files: [file], dragOperationsMask: 1 }
  for (const type of ['dragEnter', 'dragOver', 'drop'] as const) {
    await devtools.send('Input.dispatchDragEvent', { type, x, y, data })
  }
  await page.getByRole('button', { name: `Remove ${name}` }).waitFor()
  await rm(folder, { recursive: true })
}

async function paste(page: Page, name: string, size: number): Promise<void> {
  await page.getByLabel('Prompt', { exact: true }).evaluate(
    (element, { name, size }) => {
      const clipboardData = new DataTransfer()
      clipboardData.items.add(new File([new Uint8Array(size)], name, { type: 'image/png' }))
      element.dispatchEvent(new ClipboardEvent('paste', { clipboardData, bubbles: true, cancelable: true }))
    },
    { name, size },
  )
}

test('the button says what will happen, and the request is there as code', async () => {
  const { page, complaints } = await visit(browser)
  await signIn(page)
  await page.goto('/playground')
  await page.getByLabel('Prompt', { exact: true }).fill(`it's <b>"a boat"</b>\nמים 🚣`)
  await page.getByRole('button', { name: /^Generate · / }).waitFor()
  await page.getByRole('button', { name: 'The same request in a program' }).click()
  for (const name of ['Python', 'TypeScript', 'Go', 'curl']) {
    await page.getByRole('tab', { name }).click()
    const code = page.getByRole('region', { name: `Copy the request in ${name}` })
    expect(await code.textContent()).toContain('JIMENG_KEY')
  }
  await screenshot(page, 'playground-code')
  await expectAccessible(page)
  expect(complaints).toEqual([])
  await page.context().close()
})

test('what was uploaded before is used again; what is too much is said', async () => {
  const { page, complaints } = await visit(browser)
  await signIn(page)
  await page.goto('/playground')
  await addFiles(page, 'Add files', ['again.png'])
  await page.getByLabel('Prompt', { exact: true }).fill('@1 again')
  await page.getByRole('button', { name: /^Generate/ }).click()
  await page.waitForURL(/\?task=/)
  await page.getByRole('button', { name: 'Uploaded before' }).click()
  const dialog = page.getByRole('dialog')
  await dialog.getByRole('button').first().waitFor()
  await screenshot(page, 'playground-stored')
  await expectAccessible(page)
  await dialog.getByRole('listitem').first().getByRole('button').click()
  await page.getByRole('button', { name: /^Put @2 into the prompt/ }).waitFor()
  await addFiles(
    page,
    'Add files',
    Array.from({ length: 9 }, (_, n) => `${n}.png`),
  )
  await page.getByText('Too many images').waitFor()
  await page.getByLabel('Prompt', { exact: true }).fill('x'.repeat(60_000))
  await expectNoSidewaysScroll(page)
  expect(complaints).toEqual([])
  await page.context().close()
})

test('the draft survives a reload, in Chinese on a phone', async () => {
  const { page, complaints } = await visit(browser, { ...phone, locale: 'zh-CN', colorScheme: 'dark' })
  await page.getByLabel('API 密钥').fill(key)
  await page.getByRole('button', { name: '登录' }).click()
  await page.getByRole('navigation').first().waitFor()
  await page.goto('/playground')
  const prompt = page.getByLabel('提示词', { exact: true })
  await prompt.fill('黄昏，一只纸船')
  await page.getByRole('radio', { name: '9:16' }).check({ force: true })
  await page.getByRole('button', { name: /^生成/ }).waitFor()
  await page.reload()
  await expect.poll(() => prompt.inputValue()).toBe('黄昏，一只纸船')
  expect(await page.getByRole('radio', { name: '9:16' }).isChecked()).toBe(true)
  await screenshot(page, 'phone-playground-zh')
  await expectNoSidewaysScroll(page)
  await expectAccessible(page)
  expect(complaints).toEqual([])
  await page.context().close()
})
