interface Props {
  values: number[]
  label: string
}

/** A line of bars, one for each day. */
export function Sparkline({ values, label }: Props) {
  const most = Math.max(1, ...values)
  return (
    <svg
      role="img"
      aria-label={label}
      viewBox={`0 0 ${values.length * 3} 20`}
      className="h-5 w-full text-accent"
    >
      <title>{label}</title>
      {values.map((value, day) => {
        const height = value === 0 ? 1 : Math.max(2, (value / most) * 20)
        return (
          <rect
            key={day}
            x={day * 3}
            y={20 - height}
            width="2"
            height={height}
            fill="currentColor"
            opacity={value === 0 ? 0.3 : 1}
          />
        )
      })}
    </svg>
  )
}
