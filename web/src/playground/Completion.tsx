import { useTranslation } from 'react-i18next'
import type { DraftMaterial } from '../api/upload'
import { popoverLook } from '../ui/Menu'
import { Preview } from './Preview'

interface Props {
  id: string
  optionId: (number: number) => string
  /** Numbers of materials, from 1. */
  offers: number[]
  current: number | undefined
  materials: DraftMaterial[]
  onChoose: (number: number) => void
}

/** The materials that "@" can mean. The field keeps the focus and steers it. */
export function Completion({ id, optionId, offers, current, materials, onChoose }: Props) {
  const { t } = useTranslation()
  return (
    <>
      {offers.length > 0 && (
        <div
          role="listbox"
          id={id}
          aria-label={t('materials.label')}
          className={`absolute z-10 mx-2 max-h-72 ${popoverLook}`}
        >
          {offers.map((number) => {
            const material = materials[number - 1]
            return (
              // The keys are the field's, see useCompletion.
              // eslint-disable-next-line jsx-a11y/click-events-have-key-events
              <div
                key={number}
                role="option"
                tabIndex={-1}
                id={optionId(number)}
                aria-selected={number === current}
                // Pressing it must not take the focus from the field.
                onMouseDown={(event) => event.preventDefault()}
                onClick={() => onChoose(number)}
                className="target flex cursor-pointer items-center gap-2.5 rounded-md py-1 pr-3 pl-1.5 text-sm hover:bg-hover aria-selected:bg-accent-wash"
              >
                <span className="size-8 shrink-0 overflow-hidden rounded bg-well">
                  {material && <Preview material={material} />}
                </span>
                <span className="font-medium text-accent">@{number}</span>
                <span className="truncate text-soft" dir="auto">
                  {material?.name}
                </span>
              </div>
            )
          })}
        </div>
      )}
      <p role="status" className="sr-only">
        {offers.length > 0 && t('prompt.offers', { count: offers.length })}
      </p>
    </>
  )
}
