/** How something went, without axes: its shape is what it tells. */
export function Sparkline({
  values,
  label,
  className,
}: {
  values: number[]
  label: string
  className: string
}) {
  const most = Math.max(1, ...values)
  const last = Math.max(1, values.length - 1)
  const line = values.map((value, i) => `${(i / last) * 100} ${23 - (value / most) * 21}`).join(' L')
  return (
    <svg
      role="img"
      aria-label={label}
      viewBox="0 0 100 24"
      preserveAspectRatio="none"
      className={`block h-6 w-full max-w-48 ${className}`}
    >
      <title>{label}</title>
      <path d={`M0 24 L${line} L100 24Z`} fill="currentColor" opacity="0.12" />
      <path
        d={`M${line}`}
        fill="none"
        stroke="currentColor"
        strokeWidth="1.5"
        vectorEffect="non-scaling-stroke"
      />
    </svg>
  )
}
