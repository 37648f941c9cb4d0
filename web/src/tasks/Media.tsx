import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import type { Task } from '../api/types'

/** What a task made. */
export function Media({ task }: { task: Task }) {
  const { t } = useTranslation()
  const images = task.image_urls ?? []
  if (task.video_url)
    return <Video url={task.video_url} poster={task.poster_url} prompt={short(task.prompt)} />
  if (images.length === 0)
    return <p className="rounded-xl bg-well p-6 text-sm text-soft">{t('result.noFile')}</p>
  return (
    <ul className={`grid gap-2 ${images.length > 1 ? 'grid-cols-2' : ''}`}>
      {images.map((url, index) => (
        <li key={index}>
          <a href={url} target="_blank" rel="noreferrer">
            <img
              src={url}
              alt={t('result.imageAlt', { n: index + 1, prompt: short(task.prompt) })}
              className="w-full rounded-xl bg-well"
            />
          </a>
        </li>
      ))}
    </ul>
  )
}

function Video({ url, poster, prompt }: { url: string; poster: string | null; prompt: string }) {
  const { t } = useTranslation()
  // Each answer signs the link anew. The player keeps the first one, so that it
  // does not start over, and takes the newest when the first stops working.
  const [source, setSource] = useState(url)
  const [still] = useState(poster ?? undefined)
  const [gone, setGone] = useState(false)
  return (
    <div>
      {/* Generated videos have no subtitles. */}
      {/* eslint-disable-next-line jsx-a11y/media-has-caption */}
      <video
        controls
        playsInline
        preload="metadata"
        src={source}
        poster={still}
        aria-label={t('result.videoLabel', { prompt })}
        onError={() => (source === url ? setGone(true) : setSource(url))}
        onLoadedData={() => setGone(false)}
        className="max-h-[min(70vh,44rem)] min-h-56 w-full rounded-xl bg-black"
      />
      {gone && (
        <p role="alert" className="mt-2 text-sm text-red">
          {t('result.gone')}
        </p>
      )}
    </div>
  )
}

function short(prompt: string): string {
  return prompt.length > 120 ? `${prompt.slice(0, 120)}…` : prompt
}
