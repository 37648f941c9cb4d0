import { expect, test } from 'vitest'
import { i18next } from '../i18n'
import { pro, seedance } from '../testing/samples'
import { added, check, emptyDraft, findModel, fit, moved, removed, tooLarge } from './draft'

const t = i18next.t
const file = (type: string, content = 'x') => new File([content], `a.${type.split('/')[1]}`, { type })

test('a draft keeps the wishes that a model has and takes its defaults for the rest', () => {
  const draft = { ...emptyDraft, duration: 10, ratio: '9:16', resolution: '4k' }
  expect(fit(draft, pro)).toMatchObject({ model: pro.id, duration: 10, ratio: '9:16', resolution: null })
  expect(fit({ ...emptyDraft, duration: 11 }, pro)).toMatchObject({ duration: 5, ratio: '16:9' })
  expect(fit(emptyDraft, seedance)).toMatchObject({ duration: 4 })
})

test('a model is found by its alias, else the usual one is taken', () => {
  expect(findModel([pro, seedance], 'seedance-2.0')).toBe(seedance)
  expect(findModel([pro, seedance], '')).toBe(seedance)
  expect(findModel([pro], 'gone')).toBe(pro)
  expect(findModel([], '')).toBeUndefined()
})

test('what is missing is a problem only of a complete draft', () => {
  expect(check(emptyDraft, pro, t, false)).toEqual({})
  expect(check(emptyDraft, pro, t, true)).toEqual({ prompt: 'Write a prompt or add a file.' })
  expect(check({ ...emptyDraft, prompt: 'x' }, seedance, t, true)).toHaveProperty('files')
  expect(check({ ...emptyDraft, materials: [file('image/png')] }, seedance, t, true)).toEqual({})
  expect(check(emptyDraft, { ...pro, needs_prompt: true }, t, true).prompt).toContain('needs a prompt')
})

test('what is too much is said at once', () => {
  expect(check({ ...emptyDraft, prompt: '🚣'.repeat(20) }, pro, t, false)).toEqual({})
  expect(check({ ...emptyDraft, prompt: '🚣'.repeat(22) }, pro, t, false).prompt).toContain('2 characters')
  const materials = Array.from({ length: 3 }, () => file('image/png'))
  expect(check({ ...emptyDraft, materials }, pro, t, false).files).toContain('Too many images')
  const mixed = [...Array.from({ length: 8 }, () => file('image/png')), file('video/mp4'), file('audio/mpeg')]
  expect(check({ ...emptyDraft, materials: mixed }, seedance, t, false).files).toContain('9 in all')
})

test('a file of another kind, an empty one, and one for a model without materials are refused', () => {
  const problem = (materials: File[], model = seedance) =>
    check({ ...emptyDraft, materials }, model, t, false).files
  expect(problem([file('application/pdf')])).toContain('a.pdf')
  expect(problem([file('image/png', '')])).toContain('empty')
  expect(problem([file('image/png')], { ...pro, max_materials: 0 })).toContain('no materials')
})

test('a file is too large only if there is a limit', () => {
  const files = [file('image/png', 'abc'), file('video/mp4', 'abcd')]
  expect(tooLarge(files, 3)).toBe(files[1])
  expect(tooLarge(files, 4)).toBeUndefined()
  expect(tooLarge(files, 0)).toBeUndefined()
})

test('references in the prompt follow their materials', () => {
  const [a, b, c] = [file('image/png'), file('video/mp4'), file('audio/mpeg')] as const
  const draft = added({ ...emptyDraft, prompt: '@1 then @2 then @3' }, [a, b, c])
  expect(moved(draft, 2, 0)).toMatchObject({ materials: [c, a, b], prompt: '@2 then @3 then @1' })
  expect(moved(draft, 0, -1)).toBe(draft)
  expect(removed(draft, 0)).toMatchObject({ materials: [b, c], prompt: ' then @1 then @2' })
})
