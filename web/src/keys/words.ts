import type { Words } from '../i18n/types'

export const en = {} as const

export const zh: Words<typeof en> = {}
