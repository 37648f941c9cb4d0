import type { TFunction } from 'i18next'
import type { Draft } from '../api/upload'
import type { MediaKind, Model } from '../api/types'

export const emptyDraft: Draft = {
  model: '',
  prompt: '',
  duration: null,
  ratio: null,
  resolution: null,
  files: [],
}

/** The model that the API takes when none is named. */
const usualModel = 'jimeng-video-seedance-2.0'
const usualRatio = '16:9'

export function findModel(models: Model[], name: string): Model | undefined {
  return (
    models.find((model) => model.id === name || model.aliases?.includes(name)) ??
    models.find((model) => model.id === usualModel) ??
    models[0]
  )
}

/** The draft with its wishes replaced by what the model has, where it does not have them. */
export function fit(draft: Draft, model: Model): Draft {
  const { durations = [], ratios = [], resolutions = [] } = model
  const choose = <T>(wish: T | null, offered: T[], ...fallbacks: (T | undefined)[]): T | null =>
    [wish, ...fallbacks, offered[0]].find((value) => value != null && offered.includes(value)) ?? null
  return {
    ...draft,
    model: model.id,
    duration: choose(draft.duration, durations, model.default_duration),
    ratio: choose(draft.ratio, ratios, usualRatio),
    resolution: draft.resolution !== null && resolutions.includes(draft.resolution) ? draft.resolution : null,
  }
}

export function kindOf(file: File): MediaKind | null {
  const kind = file.type.split('/')[0]
  return kind === 'image' || kind === 'video' || kind === 'audio' ? kind : null
}

export function length(prompt: string): number {
  return Array.from(prompt).length // as the gateway counts: characters, not UTF-16 units
}

export function kindLimits(model: Model): [MediaKind, number][] {
  const { max_images = 0, max_videos = 0, max_audios = 0 } = model
  const limits: [MediaKind, number][] = [
    ['image', max_images],
    ['video', max_videos],
    ['audio', max_audios],
  ]
  return limits.filter(([, limit]) => limit > 0)
}

/** Messages by field. */
export type Problems = Record<string, string>

/**
 * What is wrong with a draft: what is too much, which can be said while one is
 * still writing, and, if it should be complete, what is missing.
 */
export function check(draft: Draft, model: Model, t: TFunction, complete: boolean): Problems {
  const problems: Problems = {}
  const over = length(draft.prompt) - (model.max_prompt ?? Infinity)
  if (model.max_prompt && over > 0) problems.prompt = t('invalid.promptLong', { over })
  const files = filesProblem(draft.files, model, t)
  if (files) problems.files = files
  return complete ? { ...missing(draft, model, t), ...problems } : problems
}

function missing(draft: Draft, model: Model, t: TFunction): Problems {
  const problems: Problems = {}
  const least = model.min_materials ?? 0
  if (draft.prompt.trim() === '') {
    if (model.needs_prompt) problems.prompt = t('invalid.promptNeeded')
    else if (draft.files.length === 0 && least === 0) problems.prompt = t('invalid.promptEmpty')
  }
  if (draft.files.length < least) problems.files = t('materials.needed', { count: least })
  return problems
}

function filesProblem(files: File[], model: Model, t: TFunction): string | undefined {
  for (const file of files) {
    if (kindOf(file) === null) return t('invalid.filesType', { name: file.name })
    if (file.size === 0) return t('invalid.filesEmpty', { name: file.name })
  }
  const all = model.max_materials ?? 0
  if (files.length > 0 && all === 0) return t('materials.none')
  for (const [kind, max] of [
    ['image', model.max_images ?? 0],
    ['video', model.max_videos ?? 0],
    ['audio', model.max_audios ?? 0],
  ] as const) {
    const count = files.filter((file) => kindOf(file) === kind).length
    if (count > max) return t(`invalid.filesKind_${kind}`, { max })
  }
  return files.length > all ? t('invalid.filesMany', { max: all }) : undefined
}
