import { cleanup } from '@testing-library/react'
import { afterEach } from 'vitest'

// What jsdom has not and the page asks for.
URL.createObjectURL ??= () => 'blob:none'
URL.revokeObjectURL ??= () => undefined
window.scrollTo = () => undefined

afterEach(cleanup)
