import { useCallback } from 'react'
import { FileAudio, FileQuestion, Paperclip, X } from 'lucide-react'
import { Button as AriaButton, FileTrigger } from 'react-aria-components'
import { useTranslation } from 'react-i18next'
import type { Model } from '../api/types'
import { useFormat } from '../i18n/format'
import { Button } from '../ui/Button'
import { useKinds } from './abilities'
import { kindLimits, kindOf } from './draft'

interface Props {
  model: Model
  files: File[]
  /** Something is wrong with the files, and is said elsewhere. */
  isInvalid: boolean
  onAdd: (files: File[]) => void
  onRemove: (file: File) => void
  onInsert: (reference: string) => void
}

/** The files of the draft, in the order that @1, @2 count them. */
export function Materials({ model, files, isInvalid, onAdd, onRemove, onInsert }: Props) {
  const { t } = useTranslation()
  const takes = kindLimits(model)
  return (
    <div role="group" aria-label={t('materials.label')} className="px-2 pb-2">
      {files.length > 0 && (
        <ul className="mb-1.5 flex flex-wrap gap-2 px-1.5">
          {files.map((file, index) => (
            <Thumbnail
              key={`${file.name} ${file.size} ${file.lastModified} ${index}`}
              file={file}
              number={index + 1}
              onRemove={() => onRemove(file)}
              onInsert={() => onInsert(`@${index + 1}`)}
            />
          ))}
        </ul>
      )}
      <div className="flex items-center gap-2">
        {takes.length > 0 && (
          <FileTrigger
            allowsMultiple
            acceptedFileTypes={takes.map(([kind]) => `${kind}/*`)}
            onSelect={(list) => list && onAdd([...list])}
          >
            <Button look="quiet">
              <Paperclip aria-hidden size={15} />
              {t('materials.add')}
            </Button>
          </FileTrigger>
        )}
        <p className="text-xs text-soft">
          <MaterialsHint model={model} files={files} isInvalid={isInvalid} />
        </p>
      </div>
    </div>
  )
}

function MaterialsHint({ model, files, isInvalid }: Pick<Props, 'model' | 'files' | 'isInvalid'>) {
  const { t } = useTranslation()
  const kinds = useKinds()
  const least = model.min_materials ?? 0
  if (kindLimits(model).length === 0) return t('materials.none')
  if (files.length < least && !isInvalid)
    return <span className="text-amber">{t('materials.needed', { count: least })}</span>
  if (files.length > 0) return t('materials.reference')
  return t('materials.limits', { kinds: kinds(model) })
}

interface ThumbnailProps {
  file: File
  number: number
  onRemove: () => void
  onInsert: () => void
}

function Thumbnail({ file, number, onRemove, onInsert }: ThumbnailProps) {
  const { t } = useTranslation()
  const format = useFormat()
  return (
    <li className="relative" title={`${file.name}, ${format.bytes(file.size)}`}>
      <AriaButton
        onPress={onInsert}
        aria-label={t('materials.insert', { n: number, name: file.name })}
        className="block size-16 cursor-pointer overflow-hidden rounded-md bg-well"
      >
        <Preview file={file} />
        <span className="absolute bottom-1 left-1 rounded bg-black/75 px-1 text-2xs leading-4 font-medium text-white">
          @{number}
        </span>
      </AriaButton>
      <AriaButton
        onPress={onRemove}
        aria-label={t('materials.remove', { name: file.name })}
        className="absolute -top-2 -right-2 flex size-6 cursor-pointer items-center justify-center rounded-full border border-line bg-raised text-soft hover:text-ink pointer-coarse:size-8"
      >
        <X aria-hidden size={13} />
      </AriaButton>
    </li>
  )
}

function Preview({ file }: { file: File }) {
  const kind = kindOf(file)
  const show = useCallback(
    (element: HTMLImageElement | HTMLVideoElement | null) => {
      if (element === null) return
      const url = URL.createObjectURL(file)
      element.src = url
      return () => URL.revokeObjectURL(url)
    },
    [file],
  )
  const look = 'size-full object-cover'
  if (kind === 'image') return <img ref={show} alt="" className={look} />
  if (kind === 'video') return <video ref={show} muted playsInline preload="metadata" className={look} />
  const Icon = kind === 'audio' ? FileAudio : FileQuestion
  return (
    <span className="flex size-full items-center justify-center pb-3 text-soft">
      <Icon aria-hidden size={20} />
    </span>
  )
}
