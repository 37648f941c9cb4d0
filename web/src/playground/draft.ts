import type { TFunction } from 'i18next'
import { isFile, type Draft, type DraftMaterial } from '../api/upload'
import type { MediaKind, Model, Task } from '../api/types'
import { redirect } from './references'

export const emptyDraft: Draft = {
  model: '',
  prompt: '',
  duration: null,
  ratio: null,
  resolution: null,
  materials: [],
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

/** What a task was made of, to change it and send it again. */
export function draftOf(task: Task): Draft {
  const { model, prompt, duration, ratio, resolution } = task
  const materials = task.materials.map(({ id, kind, name, url }) => ({
    ref: id ?? url,
    kind,
    name: name ?? url,
    preview: id === null ? null : url, // strangers' servers are not asked for theirs
  }))
  return { model, prompt, duration, ratio, resolution, materials }
}

export function added(draft: Draft, materials: DraftMaterial[]): Draft {
  return { ...draft, materials: [...draft.materials, ...materials] }
}

/** Without one of the materials; the prompt's references to the others still mean the same. */
export function removed(draft: Draft, index: number): Draft {
  const gone = index + 1
  return {
    ...draft,
    materials: draft.materials.toSpliced(index, 1),
    prompt: redirect(draft.prompt, (number) =>
      number === gone ? null : number > gone ? number - 1 : number,
    ),
  }
}

/** With a material at another place; the prompt's references go with it. */
export function moved(draft: Draft, from: number, to: number): Draft {
  const material = draft.materials[from]
  if (material === undefined || to < 0 || to >= draft.materials.length) return draft
  const materials = draft.materials.toSpliced(from, 1).toSpliced(to, 0, material)
  const prompt = redirect(draft.prompt, (number) => {
    const meant = draft.materials[number - 1]
    return meant === undefined ? number : materials.indexOf(meant) + 1
  })
  return { ...draft, materials, prompt }
}

export function kindOf(material: DraftMaterial): MediaKind | null {
  if (!isFile(material)) return material.kind
  const kind = material.type.split('/')[0]
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

/** The first file that has more bytes than one may have, if there is a limit. */
export function tooLarge(materials: DraftMaterial[], max: number): File | undefined {
  return max > 0 ? materials.filter(isFile).find(({ size }) => size > max) : undefined
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
  const files = materialsProblem(draft.materials, model, t)
  if (files) problems.files = files
  return complete ? { ...missing(draft, model, t), ...problems } : problems
}

function missing(draft: Draft, model: Model, t: TFunction): Problems {
  const problems: Problems = {}
  const least = model.min_materials ?? 0
  if (draft.prompt.trim() === '') {
    if (model.needs_prompt) problems.prompt = t('invalid.promptNeeded')
    else if (draft.materials.length === 0 && least === 0) problems.prompt = t('invalid.promptEmpty')
  }
  if (draft.materials.length < least) problems.files = t('materials.needed', { count: least })
  return problems
}

function materialsProblem(materials: DraftMaterial[], model: Model, t: TFunction): string | undefined {
  for (const file of materials) {
    if (kindOf(file) === null) return t('invalid.filesType', { name: file.name })
    if (isFile(file) && file.size === 0) return t('invalid.filesEmpty', { name: file.name })
  }
  const all = model.max_materials ?? 0
  if (materials.length > 0 && all === 0) return t('materials.none')
  for (const [kind, max] of [
    ['image', model.max_images ?? 0],
    ['video', model.max_videos ?? 0],
    ['audio', model.max_audios ?? 0],
  ] as const) {
    const count = materials.filter((material) => kindOf(material) === kind).length
    if (count > max) return t(`invalid.filesKind_${kind}`, { max })
  }
  return materials.length > all ? t('invalid.filesMany', { max: all }) : undefined
}
