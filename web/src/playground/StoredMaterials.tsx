import { useInfiniteQuery } from '@tanstack/react-query'
import { Button as AriaButton } from 'react-aria-components'
import { useTranslation } from 'react-i18next'
import type { NamedMaterial } from '../api/upload'
import type { MediaKind } from '../api/types'
import { Button } from '../ui/Button'
import { Dialog } from '../ui/Dialog'
import { ErrorNote } from '../ui/ErrorNote'
import { Preview } from './Preview'
import { materialsQuery } from './queries'

interface Props {
  isOpen: boolean
  /** What the model takes. */
  kinds: MediaKind[]
  onClose: () => void
  onChoose: (material: NamedMaterial) => void
}

/** What was uploaded before, to be used again without sending it. */
export function StoredMaterials({ isOpen, kinds, onClose, onChoose }: Props) {
  const { t } = useTranslation()
  const list = useInfiniteQuery({ ...materialsQuery, enabled: isOpen })
  const all = list.data?.pages.flatMap((page) => page.materials)
  const materials = all
    ?.filter(({ kind }) => kinds.includes(kind))
    .map(({ id, kind, name, url }): NamedMaterial => ({ ref: id, kind, name: name ?? id, preview: url }))
  return (
    <Dialog title={t('materials.storedTitle')} isOpen={isOpen} onClose={onClose} isWide>
      {materials?.length === 0 && <p className="mt-3 text-sm text-soft">{t('materials.storedNone')}</p>}
      {list.isError && !list.data && <ErrorNote error={list.error} onRetry={list.refetch} />}
      <ul className="mt-3 grid max-h-[60vh] grid-cols-[repeat(auto-fill,minmax(6.5rem,1fr))] gap-2 overflow-y-auto p-1">
        {materials?.map((material) => (
          <li key={material.ref}>
            <AriaButton
              onPress={() => {
                onChoose(material)
                onClose()
              }}
              className="block w-full cursor-pointer rounded-md p-1 text-left hover:bg-hover"
            >
              <span className="block aspect-square overflow-hidden rounded">
                <Preview material={material} />
              </span>
              <span className="mt-1 block truncate text-xs" dir="auto" title={material.name}>
                {material.name}
              </span>
            </AriaButton>
          </li>
        ))}
      </ul>
      <div className="mt-4 flex justify-end gap-2">
        {list.hasNextPage && (
          <Button isBusy={list.isFetchingNextPage} onPress={() => list.fetchNextPage()}>
            {t('tasks.more')}
          </Button>
        )}
        <Button look="quiet" onPress={onClose}>
          {t('action.close')}
        </Button>
      </div>
    </Dialog>
  )
}
