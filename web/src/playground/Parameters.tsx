import { Label, Slider, SliderOutput, SliderThumb, SliderTrack } from 'react-aria-components'
import { useTranslation } from 'react-i18next'
import type { Draft } from '../api/upload'
import type { Model } from '../api/types'
import { labelLook, Problem } from '../ui/Field'
import { Pick } from '../ui/Pick'

interface Props {
  model: Model
  draft: Draft
  problems: Record<string, string>
  onChange: (change: Partial<Draft>) => void
}

/** More durations than this are drawn as a slider. */
const mostDurations = 5

/** Duration, ratio and resolution: what the model has of them. */
export function Parameters({ model, draft, problems, onChange }: Props) {
  const { t } = useTranslation()
  const { durations = [], ratios = [], resolutions = [] } = model
  return (
    <>
      {durations.length > mostDurations ? (
        <Duration
          durations={durations}
          value={draft.duration}
          problem={problems.duration}
          onChange={onChange}
        />
      ) : (
        durations.length > 0 && (
          <Pick
            label={t('form.duration')}
            value={String(draft.duration)}
            options={durations.map((n) => ({ id: String(n), content: t('form.seconds', { n }) }))}
            onChange={(id) => onChange({ duration: Number(id) })}
            problem={problems.duration}
          />
        )
      )}
      {ratios.length > 0 && (
        <Pick
          label={t('form.ratio')}
          value={draft.ratio}
          options={ratios.map((id) => ({ id, content: <Shape ratio={id} />, label: id }))}
          onChange={(ratio) => onChange({ ratio })}
          problem={problems.ratio}
        />
      )}
      {resolutions.length > 0 && (
        <Pick
          label={t('form.resolution')}
          value={draft.resolution ?? ''}
          options={[
            { id: '', content: t('form.default') },
            ...resolutions.map((id) => ({ id, content: id })),
          ]}
          onChange={(id) => onChange({ resolution: id || null })}
          problem={problems.resolution}
        />
      )}
    </>
  )
}

interface DurationProps {
  durations: number[]
  value: number | null
  problem?: string
  onChange: Props['onChange']
}

function Duration({ durations, value, problem, onChange }: DurationProps) {
  const { t } = useTranslation()
  const index = Math.max(0, durations.indexOf(value ?? NaN))
  const text = t('form.seconds', { n: durations[index] ?? 0 })
  return (
    <Slider
      minValue={0}
      maxValue={durations.length - 1}
      value={index}
      onChange={(i) => onChange({ duration: durations[i] })}
    >
      <div className="flex items-baseline justify-between">
        <Label className={labelLook}>{t('form.duration')}</Label>
        <SliderOutput className="text-sm font-medium">{text}</SliderOutput>
      </div>
      <SliderTrack className="relative -mb-1 h-8 w-full cursor-pointer before:absolute before:top-[15px] before:h-0.5 before:w-full before:rounded-full before:bg-edge/60">
        <SliderThumb
          aria-valuetext={text}
          className="top-1/2 size-4 rounded-full border-2 border-ground bg-accent-fill shadow ring-1 ring-accent-fill data-[dragging]:size-5"
        />
      </SliderTrack>
      {problem && <Problem>{problem}</Problem>}
    </Slider>
  )
}

/** A ratio as a drawn shape with its numbers. */
function Shape({ ratio }: { ratio: string }) {
  const [width = 1, height = 1] = ratio.split(':').map(Number)
  const scale = 14 / Math.max(width, height)
  const w = width * scale
  const h = height * scale
  return (
    <>
      <svg aria-hidden width="16" height="16" viewBox="0 0 16 16">
        <rect
          x={8 - w / 2}
          y={8 - h / 2}
          width={w}
          height={h}
          rx="1.5"
          fill="none"
          stroke="currentColor"
          strokeWidth="1.4"
        />
      </svg>
      {ratio}
    </>
  )
}
