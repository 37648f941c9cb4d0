import { expect, test } from 'vitest'
import { pieces, redirect, typedReference } from './references'

test('a prompt is cut at its references', () => {
  expect(pieces('@1 drifts like @图2, mail a@3', 2)).toEqual([
    { text: '@1', material: 1 },
    { text: ' drifts like ', material: null },
    { text: '@图2', material: 2 },
    { text: ', mail a@3', material: null },
  ])
  expect(pieces('', 1)).toEqual([])
  expect(pieces('<b>@0</b>', 1)).toEqual([{ text: '<b>@0</b>', material: null }])
})

test('references are led elsewhere', () => {
  expect(redirect('@1 and @image2 and @10', (n) => (n < 3 ? 3 - n : n))).toBe('@2 and @image1 and @10')
  expect(redirect('see @1.', () => null)).toBe('see .')
})

test('a reference is known while it is typed', () => {
  expect(typedReference('a @bo and', 5)).toBe('bo')
  expect(typedReference('a @', 3)).toBe('')
  expect(typedReference('a @1 b', 6)).toBeNull()
  expect(typedReference('', 0)).toBeNull()
})
