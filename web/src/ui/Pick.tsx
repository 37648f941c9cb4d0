import type { ReactNode } from 'react'
import { Label, Radio, RadioGroup } from 'react-aria-components'
import { labelLook, Problem } from './Field'

interface Props {
  label: string
  value: string | null
  options: { id: string; content: ReactNode; label?: string }[]
  onChange: (id: string) => void
  problem?: string
}

/** One of a few, all of them in sight. */
export function Pick({ label, value, options, onChange, problem }: Props) {
  return (
    <RadioGroup value={value} onChange={onChange} orientation="horizontal">
      <Label className={labelLook}>{label}</Label>
      <div className="mt-1 -ml-2 flex flex-wrap gap-x-0.5 gap-y-0.5">
        {options.map((option) => (
          <Radio
            key={option.id}
            value={option.id}
            aria-label={option.label}
            className="target flex min-w-9 cursor-pointer items-center justify-center gap-1.5 rounded-md px-2 text-sm text-soft hover:text-ink data-[selected]:bg-accent-wash data-[selected]:font-medium data-[selected]:text-accent"
          >
            {option.content}
          </Radio>
        ))}
      </div>
      {problem && <Problem>{problem}</Problem>}
    </RadioGroup>
  )
}
