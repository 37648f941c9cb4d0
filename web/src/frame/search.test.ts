import { expect, test } from 'vitest'
import { newRouter } from '../router'
import { logsSearch } from '../logs/search'

test.each(['123', '007', '1e3', 'true', 'false', 'null', '1 2', '{"a":1}', '"x"', 'a&b=c'])(
  'the text %s comes back from the address as it was',
  (q) => {
    const { parseSearch, stringifySearch } = newRouter().options
    expect(logsSearch(parseSearch(stringifySearch({ q, regex: 'true' })))).toMatchObject({ q, regex: 'true' })
  },
)
