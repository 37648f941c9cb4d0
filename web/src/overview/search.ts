import { text, type RawSearch } from '../frame/search'

/** The range of the chart; the last 24 hours without it. */
export const overviewSearch = (search: RawSearch): { from?: string; to?: string } => {
  const [from, to] = [text(search, 'from'), text(search, 'to')]
  return from && to && Date.parse(from) < Date.parse(to) ? { from, to } : {}
}
