import { useState } from 'react'
import { FileAudio, FileVideo, Image } from 'lucide-react'
import { useTranslation } from 'react-i18next'
import type { Material, Task } from '../api/types'
import { useFormat } from '../i18n/format'

/** What went into a task. */
export function TaskInput({ task }: { task: Task }) {
  const { t } = useTranslation()
  const materials = task.materials ?? []
  return (
    <>
      <section className="mt-8">
        <h2 className="text-sm font-semibold">{t('prompt.label')}</h2>
        <p className="mt-1 max-h-80 max-w-prose overflow-auto break-words whitespace-pre-wrap" dir="auto">
          {task.prompt || <span className="text-soft">{t('tasks.noPrompt')}</span>}
        </p>
      </section>
      {materials.length > 0 && (
        <section className="mt-8">
          <h2 className="text-sm font-semibold">{t('materials.label')}</h2>
          <ol className="mt-1">
            {materials.map((material, index) => (
              <MaterialRow key={index} material={material} number={index + 1} />
            ))}
          </ol>
        </section>
      )}
    </>
  )
}

const icons = { image: Image, video: FileVideo, audio: FileAudio }

function MaterialRow({ material, number }: { material: Material; number: number }) {
  const format = useFormat()
  // Each answer signs the link anew; the first one is kept, so that the picture stays.
  const [url] = useState(material.url)
  const name = material.name ?? url ?? material.kind
  return (
    <li className="flex min-h-11 items-center gap-2.5 text-sm">
      <span className="w-6 text-soft">@{number}</span>
      <Preview material={material} url={url} />
      {url ? (
        <a
          href={url}
          target="_blank"
          rel="noreferrer"
          title={name}
          dir="auto"
          className="truncate text-accent hover:underline"
        >
          {name}
        </a>
      ) : (
        <span className="truncate" title={name} dir="auto">
          {name}
        </span>
      )}
      <span className="ml-auto pl-2 whitespace-nowrap text-soft">
        {[material.content_type, material.size && format.bytes(material.size)].filter(Boolean).join(' · ')}
      </span>
    </li>
  )
}

/** The picture itself if the gateway has it; strangers' servers are not asked for theirs. */
function Preview({ material, url }: { material: Material; url: string | null }) {
  const Icon = icons[material.kind]
  if (material.kind === 'image' && material.size !== null && url) {
    return <img src={url} alt="" loading="lazy" className="size-9 shrink-0 rounded bg-well object-cover" />
  }
  return (
    <span className="flex size-9 shrink-0 items-center justify-center rounded bg-well text-soft">
      <Icon aria-hidden size={16} />
    </span>
  )
}
