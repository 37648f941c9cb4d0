import { Check, ChevronDown } from 'lucide-react'
import {
  Button,
  Label,
  ListBox,
  ListBoxItem,
  Popover,
  Select,
  SelectValue,
  Text,
} from 'react-aria-components'
import { useTranslation } from 'react-i18next'
import type { Model } from '../api/types'
import { labelLook, Problem } from '../ui/Field'
import { popoverLook } from '../ui/Menu'
import { useAbilities } from './abilities'

interface Props {
  models: Model[]
  value: string
  onChange: (id: string) => void
  problem?: string
}

export function ModelSelect({ models, value, onChange, problem }: Props) {
  const { t } = useTranslation()
  const abilities = useAbilities()
  const current = models.find(({ id }) => id === value)
  return (
    <Select value={value} onChange={(id) => onChange(String(id))}>
      <Label className={labelLook}>{t('form.model')}</Label>
      <Button className="target mt-1 flex w-full cursor-pointer items-center justify-between gap-2 rounded-md bg-well px-3 text-left text-sm hover:bg-hover">
        <SelectValue<Model> className="truncate">{({ selectedItem }) => selectedItem?.id}</SelectValue>
        <ChevronDown aria-hidden size={16} className="shrink-0 text-soft" />
      </Button>
      {current && <p className="mt-1 text-xs text-soft">{abilities(current)}</p>}
      {problem && <Problem>{problem}</Problem>}
      <Popover className={popoverLook}>
        <ListBox items={models} className="outline-none">
          {(model) => (
            <ListBoxItem
              id={model.id}
              textValue={model.id}
              className="group flex cursor-pointer gap-2 rounded-md py-1.5 pr-3 pl-2 outline-none data-[focused]:bg-hover"
            >
              <Check
                aria-hidden
                size={15}
                className="invisible mt-0.5 shrink-0 text-accent group-data-[selected]:visible"
              />
              <span className="min-w-0">
                <Text slot="label" className="block text-sm">
                  {model.id}
                </Text>
                <Text slot="description" className="block text-xs text-soft">
                  {abilities(model)}
                </Text>
              </span>
            </ListBoxItem>
          )}
        </ListBox>
      </Popover>
    </Select>
  )
}
