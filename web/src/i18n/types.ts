import type { en } from './en'

/**
 * What every language must have: all keys of English. Chinese has no singular,
 * so keys that end in _one are not asked for.
 */
export type Translation = Words<typeof en>

export type Words<T> = {
  [K in keyof T as K extends `${string}_one` ? never : K]: T[K] extends string ? string : Words<T[K]>
}

declare module 'i18next' {
  interface CustomTypeOptions {
    defaultNS: 'translation'
    resources: { translation: typeof en }
  }
}
