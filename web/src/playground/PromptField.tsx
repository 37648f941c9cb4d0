import { useId, useRef } from 'react'
import { DropZone, type DropZoneProps } from 'react-aria-components'
import { useTranslation } from 'react-i18next'
import type { Draft, DraftMaterial } from '../api/upload'
import type { Model } from '../api/types'
import { useFormat } from '../i18n/format'
import { labelLook, Problem } from '../ui/Field'
import { added, length, moved, removed } from './draft'
import { Completion } from './Completion'
import { Materials } from './Materials'
import { useCompletion } from './useCompletion'
import { usePastedFiles } from './usePastedFiles'

interface Props {
  model: Model
  draft: Draft
  problems: Record<string, string>
  onChange: (change: (draft: Draft) => Draft) => void
}

/** The prompt and the materials that it speaks of: one field, into which files can be dropped. */
export function PromptField({ model, draft, problems, onChange }: Props) {
  const { t } = useTranslation()
  const id = useId()
  const area = useRef<HTMLTextAreaElement>(null)
  const setPrompt = (prompt: string) => onChange((draft) => ({ ...draft, prompt }))
  const add = (materials: DraftMaterial[]) => onChange((draft) => added(draft, materials))
  const completion = useCompletion(area, draft, setPrompt)
  usePastedFiles(add)

  function insert(reference: string) {
    const at = area.current?.selectionStart ?? draft.prompt.length
    const before = draft.prompt.slice(0, at)
    const space = before === '' || before.endsWith(' ') ? '' : ' '
    setPrompt(`${before}${space}${reference} ${draft.prompt.slice(at)}`)
    area.current?.focus()
  }

  return (
    <div>
      <div className="flex items-baseline justify-between">
        <label htmlFor={id} className={labelLook}>
          {t('prompt.label')}
        </label>
        <Count prompt={draft.prompt} max={model.max_prompt} />
      </div>
      <DropZone
        aria-label={t('materials.dropZone')}
        onDrop={async (event) => add(await droppedFiles(event))}
        className="relative mt-1 rounded-lg border border-edge bg-ground focus-within:border-accent data-[drop-target]:border-accent data-[drop-target]:bg-accent-wash"
      >
        <textarea
          {...completion.area}
          ref={area}
          id={id}
          rows={5}
          dir="auto"
          value={draft.prompt}
          onChange={(event) => {
            setPrompt(event.target.value)
            completion.look()
          }}
          placeholder={t('prompt.placeholder')}
          aria-invalid={!!problems.prompt}
          aria-describedby={`${id}-problem`}
          className="block field-sizing-content max-h-96 min-h-32 w-full resize-none bg-transparent px-3.5 pt-3 pb-2 text-base leading-relaxed outline-none"
        />
        <Completion {...completion.list} />
        <Materials
          model={model}
          materials={draft.materials}
          isInvalid={!!problems.files}
          onAdd={add}
          onRemove={(index) => onChange((draft) => removed(draft, index))}
          onMove={(from, to) => onChange((draft) => moved(draft, from, to))}
          onInsert={insert}
        />
      </DropZone>
      <div id={`${id}-problem`}>{problems.prompt && <Problem>{problems.prompt}</Problem>}</div>
      {problems.files && <Problem>{problems.files}</Problem>}
    </div>
  )
}

function Count({ prompt, max }: { prompt: string; max: number | null }) {
  const { t } = useTranslation()
  const format = useFormat()
  const count = length(prompt)
  const formatted = format.number(count)
  return (
    <span className={`text-2xs ${max && count > max ? 'text-red' : 'text-soft'}`}>
      {max
        ? t('prompt.countOf', { formatted, max: format.number(max) })
        : t('prompt.count', { count, formatted })}
    </span>
  )
}

type DropEvent = Parameters<NonNullable<DropZoneProps['onDrop']>>[0]

async function droppedFiles(event: DropEvent): Promise<File[]> {
  return Promise.all(event.items.filter((item) => item.kind === 'file').map((item) => item.getFile()))
}
