import { expect, test } from 'vitest'
import { pieces } from './ansi'

test('a line without colours is one piece', () => {
  expect(pieces('plain [31m')).toEqual([{ text: 'plain [31m', colour: null, bold: false }])
  expect(pieces('')).toEqual([])
})

test('colours hold until they end, and their codes are not shown', () => {
  expect(pieces('\u001b[1;31merror\u001b[0m at \u001b[90mnoon\u001b[39m!')).toEqual([
    { text: 'error', colour: 1, bold: true },
    { text: ' at ', colour: null, bold: false },
    { text: 'noon', colour: 0, bold: false },
    { text: '!', colour: null, bold: false },
  ])
})
