import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import type { Material, Task } from '../api/types'
import { useFormat } from '../i18n/format'
import { Preview } from '../playground/Preview'
import { pieces } from '../playground/references'
import { Copy } from '../ui/Copy'

/** What went into a task: the prompt, and the materials that it points at. */
export function TaskInput({ task }: { task: Task }) {
  const { t } = useTranslation()
  return (
    <section className="mt-9" aria-labelledby="input">
      <div className="flex items-center justify-between">
        <h2 id="input" className="text-sm font-semibold">
          {t('prompt.label')}
        </h2>
        {task.prompt && <Copy text={task.prompt} label={t('task.copyPrompt')} isIcon />}
      </div>
      <p
        className="max-h-80 max-w-prose overflow-auto break-words whitespace-pre-wrap"
        dir="auto"
        // What scrolls has to be reached by keyboard.
        tabIndex={task.prompt.length > 1000 ? 0 : undefined}
      >
        {task.prompt ? <Prompt task={task} /> : <span className="text-soft">{t('tasks.noPrompt')}</span>}
      </p>
      {task.materials.length > 0 && (
        <ol aria-label={t('materials.label')} className="mt-4 flex flex-wrap gap-3">
          {task.materials.map((material, index) => (
            <MaterialTile key={index} material={material} number={index + 1} />
          ))}
        </ol>
      )}
    </section>
  )
}

function Prompt({ task }: { task: Task }) {
  return pieces(task.prompt, task.materials.length).map(({ text, material }, index) =>
    material === null ? (
      text
    ) : (
      <a
        key={index}
        href={`#material-${material}`}
        title={task.materials[material - 1]?.name ?? undefined}
        className="rounded bg-accent-wash px-1 font-medium text-accent hover:underline"
      >
        {text}
      </a>
    ),
  )
}

function MaterialTile({ material, number }: { material: Material; number: number }) {
  const { t } = useTranslation()
  const format = useFormat()
  // Each answer signs the link anew; the first one is kept, so that the picture stays.
  const [url] = useState(material.url)
  // Strangers' servers are not asked for theirs.
  const [preview] = useState({
    ref: url,
    kind: material.kind,
    name: material.name ?? url,
    preview: material.size === null ? null : url,
  })
  const facts = [material.content_type, material.size && format.bytes(material.size)].filter(Boolean)
  return (
    <li
      id={`material-${number}`}
      className="w-36 rounded-lg p-1 text-xs target:bg-accent-wash target:ring-2 target:ring-accent"
    >
      {material.kind === 'audio' && preview.preview ? (
        // Nobody has written down what is said in it.
        // eslint-disable-next-line jsx-a11y/media-has-caption
        <audio controls preload="none" src={url} aria-label={preview.name} className="h-11 w-full" />
      ) : (
        <a
          href={url}
          target="_blank"
          rel="noreferrer"
          aria-label={t('task.openMaterial', { n: number, name: preview.name })}
          className="block aspect-4/3 overflow-hidden rounded-md bg-well"
        >
          <Preview material={preview} />
        </a>
      )}
      <p className="mt-1 flex gap-1.5">
        <span className="font-medium text-accent">@{number}</span>
        <span className="truncate" dir="auto" title={preview.name}>
          {preview.name}
        </span>
      </p>
      <p className="truncate text-2xs text-soft">{facts.join(' · ')}</p>
    </li>
  )
}
