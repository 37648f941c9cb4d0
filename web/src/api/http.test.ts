import { expect, test } from 'vitest'
import { serve } from '../testing/server'
import { api, ApiError, body, parseError } from './http'

test('reads the envelope of /v1 and names the field', () => {
  const error = parseError(
    400,
    JSON.stringify({
      code: -2000,
      message: 'duration: 3 is not possible',
      data: null,
      error: {
        message: 'duration: 3 is not possible',
        type: 'invalid_request_error',
        param: 'duration',
        code: 'x',
      },
    }),
  )
  expect(error.message).toBe('duration: 3 is not possible')
  expect(error.fields).toEqual({ duration: '3 is not possible' })
})

test('reads problem details of /api/v1 and their locations', () => {
  const error = parseError(
    422,
    JSON.stringify({
      title: 'Unprocessable Entity',
      status: 422,
      detail: 'validation failed',
      errors: [{ location: 'body.prompt', message: 'must not be empty' }],
    }),
  )
  expect(error.message).toBe('validation failed')
  expect(error.fields).toEqual({ prompt: 'must not be empty' })
})

test.each(['', '<html>bad gateway</html>', 'null', '[]', '7'])(
  'keeps the status of a body like %j',
  (text) => {
    const error = parseError(502, text)
    expect(error.message).toBe('HTTP 502')
    expect(error.unavailable).toBe(true)
  },
)

test('a web page where JSON should be is a fault of the server', async () => {
  await serve(() => ({ text: '<html></html>' }))
  await expect(body(api.GET('/api/v1/tasks'))).rejects.toMatchObject({ status: 502, unavailable: true })
})

test('no answer at all is an ApiError without a status', async () => {
  const error = await body(api.GET('/api/v1/stats', { baseUrl: 'http://127.0.0.1:9' })).catch(
    (error: unknown) => error,
  )
  expect(error).toBeInstanceOf(ApiError)
  expect(error).toMatchObject({ status: 0, unavailable: true })
})
