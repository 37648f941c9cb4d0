import { useState } from 'react'
import { ChevronLeft, ChevronRight, FolderOpen, Paperclip, X } from 'lucide-react'
import { Button as AriaButton, FileTrigger } from 'react-aria-components'
import { useTranslation } from 'react-i18next'
import { isFile, type DraftMaterial } from '../api/upload'
import type { Model } from '../api/types'
import { useFormat } from '../i18n/format'
import { Button } from '../ui/Button'
import { useKinds } from './abilities'
import { kindLimits } from './draft'
import { Preview } from './Preview'
import { StoredMaterials } from './StoredMaterials'

interface Props {
  model: Model
  materials: DraftMaterial[]
  /** Something is wrong with them, and is said elsewhere. */
  isInvalid: boolean
  onAdd: (materials: DraftMaterial[]) => void
  onRemove: (index: number) => void
  onMove: (from: number, to: number) => void
  onInsert: (reference: string) => void
}

/** The materials of the draft, in the order that @1, @2 count them. */
export function Materials({ model, materials, isInvalid, onAdd, onRemove, onMove, onInsert }: Props) {
  const { t } = useTranslation()
  const [isChoosing, setChoosing] = useState(false)
  const takes = kindLimits(model)
  return (
    <div role="group" aria-label={t('materials.label')} className="px-2 pb-2">
      {materials.length > 0 && (
        <ul className="mb-1.5 flex flex-wrap gap-2 px-1.5 pt-1">
          {materials.map((material, index) => (
            <Thumbnail
              key={`${material.name} ${isFile(material) ? material.lastModified : material.ref} ${index}`}
              material={material}
              number={index + 1}
              of={materials.length}
              onRemove={() => onRemove(index)}
              onMove={(by) => onMove(index, index + by)}
              onInsert={() => onInsert(`@${index + 1}`)}
            />
          ))}
        </ul>
      )}
      <div className="flex flex-wrap items-center gap-x-1">
        {takes.length > 0 && (
          <>
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
            <Button look="quiet" onPress={() => setChoosing(true)}>
              <FolderOpen aria-hidden size={15} />
              {t('materials.stored')}
            </Button>
            <StoredMaterials
              isOpen={isChoosing}
              kinds={takes.map(([kind]) => kind)}
              onClose={() => setChoosing(false)}
              onChoose={(material) => onAdd([material])}
            />
          </>
        )}
        <p className="px-2 text-xs text-soft">
          <MaterialsHint model={model} materials={materials} isInvalid={isInvalid} />
        </p>
      </div>
    </div>
  )
}

function MaterialsHint({ model, materials, isInvalid }: Pick<Props, 'model' | 'materials' | 'isInvalid'>) {
  const { t } = useTranslation()
  const kinds = useKinds()
  const least = model.min_materials ?? 0
  if (kindLimits(model).length === 0) return t('materials.none')
  if (materials.length < least && !isInvalid)
    return <span className="text-amber">{t('materials.needed', { count: least })}</span>
  if (materials.length > 0) return t('materials.reference')
  return t('materials.limits', { kinds: kinds(model) })
}

interface ThumbnailProps {
  material: DraftMaterial
  number: number
  of: number
  onRemove: () => void
  onMove: (by: number) => void
  onInsert: () => void
}

const smallButton =
  'flex size-6 cursor-pointer items-center justify-center rounded-md text-soft hover:bg-hover hover:text-ink disabled:opacity-30 pointer-coarse:size-9'

function Thumbnail({ material, number, of, onRemove, onMove, onInsert }: ThumbnailProps) {
  const { t } = useTranslation()
  const format = useFormat()
  const { name } = material
  return (
    <li className="relative" title={isFile(material) ? `${name}, ${format.bytes(material.size)}` : name}>
      <AriaButton
        onPress={onInsert}
        aria-label={t('materials.insert', { n: number, name })}
        className="relative block size-18 cursor-pointer overflow-hidden rounded-md bg-well pointer-coarse:size-20"
      >
        <Preview material={material} />
        <span className="absolute bottom-1 left-1 rounded bg-black/75 px-1 text-2xs leading-4 font-medium text-white">
          @{number}
        </span>
      </AriaButton>
      <AriaButton
        onPress={onRemove}
        aria-label={t('materials.remove', { name })}
        className="absolute -top-2 -right-2 flex size-6 cursor-pointer items-center justify-center rounded-full border border-line bg-raised text-soft hover:text-ink pointer-coarse:size-8"
      >
        <X aria-hidden size={13} />
      </AriaButton>
      {of > 1 && (
        <div className="flex justify-between">
          <AriaButton
            onPress={() => onMove(-1)}
            isDisabled={number === 1}
            aria-label={t('materials.earlier', { n: number, name })}
            className={smallButton}
          >
            <ChevronLeft aria-hidden size={14} />
          </AriaButton>
          <AriaButton
            onPress={() => onMove(1)}
            isDisabled={number === of}
            aria-label={t('materials.later', { n: number, name })}
            className={smallButton}
          >
            <ChevronRight aria-hidden size={14} />
          </AriaButton>
        </div>
      )}
    </li>
  )
}
