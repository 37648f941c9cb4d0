import { useEffect, useEffectEvent, useId, useRef, useState, type ReactNode } from 'react'
import { useTranslation } from 'react-i18next'
import uPlot from 'uplot'
import 'uplot/dist/uPlot.min.css'
import { useFormat } from '../i18n/format'
import { onThemeChange, resolved } from './colours'

export interface Series {
  id: string
  label: string
  /** A custom property of the theme: --color-green. */
  colour: string
  values: number[]
}

interface Props {
  label: string
  /** Where each bar begins, in milliseconds. */
  at: number[]
  /** How long a bar lasts, in milliseconds. */
  step: number
  /** Stacked, the first at the bottom. */
  series: Series[]
  /** How a bar is called in the table and under the pointer. */
  nameOf: (at: number) => string
  onZoom?: (from: number, to: number) => void
  onReset?: () => void
  /** A click on a bar, and on what of it; null beside what is drawn. */
  onPick?: (at: number, series: string | null) => void
  /** What stands in the last cell of a row of the table. */
  action?: (at: number) => ReactNode
}

const height = 220

/** Stacked bars over time, with a table of the same for who would rather read. */
export function Chart(props: Props) {
  const { label, at, step, series, nameOf } = props
  const place = useRef<HTMLDivElement>(null)
  const plot = useRef<uPlot>(null)
  const [hovered, setHovered] = useState<number | null>(null)
  const { i18n } = useTranslation()
  const format = useFormat()
  const legend = useId()

  const zoom = useEffectEvent((from: number, to: number) => props.onZoom?.(from, to))
  const reset = useEffectEvent(() => props.onReset?.())
  const pick = useEffectEvent((bar: number, value: number) => {
    const begins = at[bar]
    if (begins === undefined) return
    let top = 0
    const hit = series.find(({ values }) => value <= (top += values[bar] ?? 0))
    props.onPick?.(begins, hit && value >= 0 ? hit.id : null)
  })

  // The plot is made anew only when what it is made of changes; figures go into it.
  const shape = JSON.stringify([series.map(({ id, colour }) => [id, colour]), step, i18n.language])
  const data = useEffectEvent((): uPlot.AlignedData => stacked(at, series))
  const options = useEffectEvent((width: number): uPlot.Options => ({
    width,
    height,
    legend: { show: false },
    cursor: { y: false, points: { show: false }, drag: { x: true, y: false, setScale: false, dist: 6 } },
    scales: {
      x: { time: true, range: (_, min, max) => [min, max + step / 1000] },
      y: { range: (_, __, max) => [0, Math.max(4, max * 1.08)] },
    },
    axes: axes(i18n.language === 'zh' ? 'zh-CN' : 'en', (n) => format.number(n)),
    series: [{}, ...series.toReversed().map(({ colour }) => bars(colour))],
    hooks: {
      setCursor: [(u) => setHovered(u.cursor.idx ?? null)],
      setSelect: [
        (u) => {
          if (u.select.width < 6) return
          const { left, width } = u.select
          u.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false)
          zoom(u.posToVal(left, 'x') * 1000, u.posToVal(left + width, 'x') * 1000)
        },
      ],
      ready: [
        (u) => {
          u.over.addEventListener('dblclick', () => reset())
          u.over.addEventListener('click', () => {
            // The bar that begins before the pointer, not the nearest begin.
            const x = u.posToVal(u.cursor.left ?? -1, 'x')
            const after = u.data[0].findIndex((begin) => begin > x)
            pick(after === -1 ? u.data[0].length - 1 : after - 1, u.posToVal(u.cursor.top ?? -1, 'y'))
          })
        },
      ],
    },
  }))

  useEffect(() => {
    const element = place.current
    if (!element) return
    const u = new uPlot(options(element.clientWidth), data(), element)
    plot.current = u
    const observer = new ResizeObserver(() => u.setSize({ width: element.clientWidth, height }))
    observer.observe(element)
    const forget = onThemeChange(() => u.redraw(false))
    return () => {
      forget()
      observer.disconnect()
      u.destroy()
      plot.current = null
    }
  }, [shape])

  useEffect(() => {
    plot.current?.setData(stacked(at, series))
  }, [at, series])

  const bar = hovered !== null && hovered < at.length ? hovered : null
  return (
    <figure aria-labelledby={legend}>
      <figcaption
        id={legend}
        className="mb-2 flex flex-wrap items-baseline gap-x-4 gap-y-1 text-xs text-soft"
      >
        <span className="sr-only">{label}</span>
        {series.map(({ id, label, colour, values }) => (
          <span key={id} className="inline-flex items-center gap-1.5">
            <span aria-hidden className="size-2.5 rounded-xs" style={{ background: `var(${colour})` }} />
            {label}
            <span className="text-ink">
              {format.number(bar === null ? values.reduce((sum, n) => sum + n, 0) : (values[bar] ?? 0))}
            </span>
          </span>
        ))}
        {bar !== null && <span className="ml-auto">{nameOf(at[bar] ?? 0)}</span>}
      </figcaption>
      <div
        ref={place}
        aria-hidden
        className={`min-w-0 overflow-hidden ${props.onPick ? '[&_.u-over]:cursor-pointer' : ''}`}
        style={{ height }}
      />
      <Table {...props} />
    </figure>
  )
}

function Table({ label, at, series, nameOf, action }: Props) {
  const { t } = useTranslation()
  const format = useFormat()
  const [open, setOpen] = useState(false)
  const filled = at.map((_, bar) => bar).filter((bar) => series.some(({ values }) => (values[bar] ?? 0) > 0))
  return (
    <details className="mt-1 text-xs" onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary className="target inline-flex cursor-pointer items-center rounded-md text-soft hover:text-ink">
        {t('overview.asTable')}
      </summary>
      {/* eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex -- what scrolls must be reached by keyboard */}
      <div className="max-h-72 overflow-auto" tabIndex={0} role="group" aria-label={label}>
        {open && (
          <table className="w-full text-right">
            <thead className="text-soft">
              <tr>
                <th className="py-1 text-left font-normal">{t('overview.time')}</th>
                {series.map(({ id, label }) => (
                  <th key={id} className="py-1 pl-4 font-normal">
                    {label}
                  </th>
                ))}
                {action && (
                  <th className="py-1">
                    <span className="sr-only">{t('overview.show')}</span>
                  </th>
                )}
              </tr>
            </thead>
            <tbody>
              {filled.map((bar) => (
                <tr key={bar}>
                  <th className="py-1 text-left font-normal">{nameOf(at[bar] ?? 0)}</th>
                  {series.map(({ id, values }) => (
                    <td key={id} className="py-1 pl-4">
                      {format.number(values[bar] ?? 0)}
                    </td>
                  ))}
                  {action && <td className="py-1 pl-4">{action(at[bar] ?? 0)}</td>}
                </tr>
              ))}
            </tbody>
          </table>
        )}
      </div>
    </details>
  )
}

/** The sums up to each series, the highest first: lower ones are drawn over it. */
function stacked(at: number[], series: Series[]): uPlot.AlignedData {
  const sums: number[][] = []
  for (const { values } of series) {
    const below = sums[0]
    sums.unshift(at.map((_, bar) => (below?.[bar] ?? 0) + (values[bar] ?? 0)))
  }
  return [at.map((time) => time / 1000), ...sums]
}

function bars(colour: string): uPlot.Series {
  return {
    fill: () => resolved(colour),
    width: 0,
    points: { show: false },
    paths: uPlot.paths.bars?.({ size: [0.82, 40], align: 1, gap: 1 }),
  }
}

function axes(locale: string, number: (n: number) => string): uPlot.Axis[] {
  const font = '12px system-ui, sans-serif'
  const day = new Intl.DateTimeFormat(locale, { month: 'short', day: 'numeric' })
  const clock = new Intl.DateTimeFormat(locale, { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' })
  const quiet = { stroke: () => resolved('--color-line'), width: 1 }
  return [
    {
      font,
      stroke: () => resolved('--color-soft'),
      grid: { show: false },
      ticks: { ...quiet, size: 4 },
      space: 64,
      size: 28,
      values: (_, ticks) =>
        ticks.map((tick) => {
          const at = new Date(tick * 1000)
          return at.getHours() === 0 && at.getMinutes() === 0 ? day.format(at) : clock.format(at)
        }),
    },
    {
      font,
      stroke: () => resolved('--color-soft'),
      grid: quiet,
      ticks: { show: false },
      size: 44,
      space: 40,
      incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 50_000, 100_000],
      values: (_, ticks) => ticks.map(number),
    },
  ]
}
