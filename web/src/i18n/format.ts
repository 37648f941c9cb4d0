import { useTranslation } from 'react-i18next'

/** Numbers, times and durations as the chosen language writes them. */
export function useFormat() {
  const { i18n } = useTranslation()
  return formats(i18n.language === 'zh' ? 'zh-CN' : 'en')
}

const cache = new Map<string, ReturnType<typeof newFormats>>()

export function formats(locale: string) {
  const known = cache.get(locale)
  if (known) return known
  const fresh = newFormats(locale)
  cache.set(locale, fresh)
  return fresh
}

function newFormats(locale: string) {
  const number = new Intl.NumberFormat(locale)
  const percent = new Intl.NumberFormat(locale, { style: 'percent' })
  const time = new Intl.DateTimeFormat(locale, { timeStyle: 'medium' })
  const dateTime = new Intl.DateTimeFormat(locale, { dateStyle: 'medium', timeStyle: 'medium' })
  const day = new Intl.DateTimeFormat(locale, {
    month: 'short',
    day: 'numeric',
    hour: '2-digit',
    minute: '2-digit',
    hourCycle: 'h23',
  })
  const exact = new Intl.DateTimeFormat(locale, {
    dateStyle: 'medium',
    timeStyle: 'long',
  })
  const hour = new Intl.DateTimeFormat(locale, { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' })
  const date = new Intl.DateTimeFormat(locale, { dateStyle: 'medium', timeZone: 'UTC' })
  const relative = new Intl.RelativeTimeFormat(locale, { numeric: 'auto', style: 'short' })
  return {
    number: (n: number) => number.format(n),
    percent: (fraction: number) => percent.format(fraction),
    time: (at: number) => time.format(at),
    dateTime: (at: string) => dateTime.format(Date.parse(at)),
    /** A day that is written as 2026-11-30. */
    date: (day: string) => date.format(Date.parse(day)),
    /** Day and time of day. */
    moment: (at: string | number) => day.format(typeof at === 'string' ? Date.parse(at) : at),
    hour: (at: number) => hour.format(at),
    /** With seconds and time zone, for who wants to know exactly. */
    exact: (at: string) => exact.format(Date.parse(at)),
    /** How long ago, or how long until; the date if that is more than a day. */
    when(at: string, now: number): string {
      const seconds = Math.round((Date.parse(at) - now) / 1000)
      const length = Math.abs(seconds)
      if (length < 60) return relative.format(seconds > 0 ? seconds : 0, 'second')
      if (length < 3600) return relative.format(Math.trunc(seconds / 60), 'minute')
      if (length < 86_400) return relative.format(Math.trunc(seconds / 3600), 'hour')
      return day.format(Date.parse(at))
    },
    /** "now", "3 min. ago" within a day, the date before that. */
    ago(at: string, now: number): string {
      const seconds = Math.max(0, Math.round((now - Date.parse(at)) / 1000))
      if (seconds < 60) return relative.format(0, 'second')
      if (seconds < 3600) return relative.format(-Math.floor(seconds / 60), 'minute')
      if (seconds < 86_400) return relative.format(-Math.floor(seconds / 3600), 'hour')
      return day.format(Date.parse(at))
    },
    bytes(size: number): string {
      const units = ['B', 'kB', 'MB', 'GB']
      let unit = 0
      while (size >= 1000 && unit < units.length - 1) {
        size /= 1000
        unit++
      }
      return `${new Intl.NumberFormat(locale, { maximumFractionDigits: unit ? 1 : 0 }).format(size)} ${units[unit]}`
    },
  }
}

/** A length of time as a clock: 7s, 1m 42s, 2h 05m. The same in every language. */
export function clock(milliseconds: number): string {
  const seconds = Math.max(0, Math.floor(milliseconds / 1000))
  if (seconds < 60) return `${seconds}s`
  const minutes = Math.floor(seconds / 60)
  if (minutes < 60) return `${minutes}m ${String(seconds % 60).padStart(2, '0')}s`
  return `${Math.floor(minutes / 60)}h ${String(minutes % 60).padStart(2, '0')}m`
}

/**
 * The milliseconds of an estimate, which the upstream gives as a Go duration or
 * in words of its own; null for words.
 */
export function parseEta(eta: string): number | null {
  if (!/^(\d+(\.\d+)?(h|ms|m|s))+$/.test(eta)) return null
  const units = { h: 3_600_000, m: 60_000, s: 1000, ms: 1 }
  let total = 0
  for (const [, amount, unit] of eta.matchAll(/(\d+(?:\.\d+)?)(h|ms|m|s)/g)) {
    total += Number(amount) * units[unit as keyof typeof units]
  }
  return total
}
