/**
 * The durations in a text of the configuration as people write them: 30m0s is 30m, 168h0m0s is 7d.
 * They are still what one writes into the configuration.
 */
export function readable(value: string): string {
  return value.replace(/\b(?:\d+h)?(?:\d+m)?\d+(?:\.\d+)?s\b/g, (duration) =>
    duration
      .replace(/([hm])0s$/, '$1')
      .replace(/h0m$/, 'h')
      .replace(/^(\d+)h$/, (hours, count: string) =>
        Number(count) > 24 && Number(count) % 24 === 0 ? `${Number(count) / 24}d` : hours,
      ),
  )
}
