import { cleanup, configure } from '@testing-library/react'
import { EventSource } from 'eventsource'
import { afterEach } from 'vitest'

// What jsdom has not and the page asks for.
URL.createObjectURL ??= () => 'blob:none'
URL.revokeObjectURL ??= () => undefined
window.scrollTo = () => undefined
const nothing = () => undefined
globalThis.ResizeObserver ??= class {
  observe = nothing
  unobserve = nothing
  disconnect = nothing
}
globalThis.EventSource ??= EventSource

// A page is loaded when it is opened, which the first time takes its while here.
configure({ asyncUtilTimeout: 5000 })

afterEach(cleanup)
