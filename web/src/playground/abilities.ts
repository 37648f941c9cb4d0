import { useTranslation } from 'react-i18next'
import type { Model } from '../api/types'
import { useFormat } from '../i18n/format'
import { kindLimits } from './draft'

/** Says in a line what a model can do: "4–15 s · up to 9 images, up to 3 videos". */
export function useAbilities(): (model: Model) => string {
  const { t } = useTranslation()
  const kinds = useKinds()
  const price = usePrice()
  return (model) =>
    [
      model.durations?.length && t('form.seconds', { n: durations(model.durations) }),
      model.resolutions?.join(', '),
      kinds(model),
      price(model),
    ]
      .filter(Boolean)
      .join(' · ')
}

/** What a model costs, as far as that is known: "8 credits per second". */
function usePrice(): (model: Model) => string {
  const { t } = useTranslation()
  const format = useFormat()
  return ({ credits, credits_per_second: rate }) =>
    [
      !!credits && t('form.price', { count: credits, formatted: format.number(credits) }),
      !!rate && t('form.perSecond', { count: rate, formatted: format.number(rate) }),
    ]
      .filter(Boolean)
      .join(' + ')
}

/** The materials that a model takes: "up to 9 images, up to 3 videos". */
export function useKinds(): (model: Model) => string {
  const { t, i18n } = useTranslation()
  // As a list of units Chinese would have nothing between its members.
  const comma = i18n.language === 'zh' ? '、' : ', '
  return (model) => {
    const limits: string[] = kindLimits(model).map(([kind, count]) =>
      t(`materials.kindMax_${kind}`, { count }),
    )
    const sum = kindLimits(model).reduce((total, [, limit]) => total + limit, 0)
    const all = model.max_materials ?? 0
    if (limits.length > 1 && all < sum) limits.push(t('materials.total', { count: all }))
    return limits.join(comma)
  }
}

function durations(list: number[]): string {
  const first = list[0] ?? 0
  const last = list.at(-1) ?? 0
  return list.length > 2 && last - first === list.length - 1 ? `${first}–${last}` : list.join(', ')
}
