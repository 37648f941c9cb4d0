import { expect, test } from 'vitest'
import { findSessions, masked } from './find'

const a = '3f0c2a9be77d41d5a6a1f2c4d8e90b17'
const b = 'b81d5c0e9a7f4d2fa01c3e5b7d9f1a2c'
const secrets = (text: string) => findSessions(text).found.map(({ secret }) => secret)

test.each([
  ['lines', `${a}\n\n# a comment\r\n  ${b}  `],
  ['cookies', `Cookie: x=1; sessionid=${a}; y=2\nsessionid_ss=${b}`],
  ['a curl command', `curl -H 'cookie: sessionid_ss=${a}; sessionid=${a}' \nsessionid=${b};`],
  [
    'cookies.txt',
    `# Netscape HTTP Cookie File\n#HttpOnly_.jianying.com\tTRUE\t/\tTRUE\t0\tsessionid\t${a}\n.jianying.com\tTRUE\t/\tTRUE\t0\tuid_tt\t${a}x\n.jianying.com\tTRUE\t/\tTRUE\t0\tsessionid\t${b}`,
  ],
  ['strings in JSON', JSON.stringify([a, b])],
  ['objects in JSON', JSON.stringify({ accounts: [{ sessionId: a }, { session_id: b }] })],
  [
    'jars of cookies',
    JSON.stringify([
      [
        { name: 'sessionid_ss', value: a },
        { name: 'sessionid', value: a },
      ],
      [{ name: 'sessionid', value: b }],
    ]),
  ],
])('ids are found in %s', (_, text) => {
  expect(findSessions(text).unclear.filter((line) => !line.startsWith('curl'))).toEqual([])
  expect(secrets(text)).toEqual([a, b])
})

test('CSV gives labels and slots, with a header and without', () => {
  const want = [
    { secret: a, label: 'ana, 1', slots: 3 },
    { secret: b, label: '账号二' },
  ]
  expect(findSessions(`name;slots;sessionid\n"ana, 1";3;${a}\n账号二;;${b}`).found).toEqual(want)
  expect(findSessions(`"ana, 1",${a},3\n${b},账号二`).found).toEqual(want)
})

test('what is there twice is marked, and what is unclear is named', () => {
  const { found, unclear } = findSessions(`${a}\n${a}\nhello there\n${'长'.repeat(40)}`)
  expect(found).toEqual([{ secret: a }, { secret: a, isRepeated: true }])
  expect(unclear).toHaveLength(2)
  expect(findSessions('{"cookies":[]}').unclear).toHaveLength(1)
  expect(findSessions('')).toEqual({ found: [], unclear: [] })
})

test('a mask shows no secret', () => {
  expect(masked(a)).toBe('3f0c…0b17')
  expect(masked('short')).toBe('••••')
})
