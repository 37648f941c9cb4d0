import { useState, type KeyboardEvent } from 'react'
import { useQuery } from '@tanstack/react-query'
import { Form } from 'react-aria-components'
import { useTranslation } from 'react-i18next'
import { ApiError } from '../api/http'
import type { Draft } from '../api/upload'
import type { Model } from '../api/types'
import { useFormat } from '../i18n/format'
import { useDraft } from './DraftProvider'
import { check, findModel, fit, tooLarge, type Problems } from './draft'
import { ModelSelect } from './ModelSelect'
import { Parameters } from './Parameters'
import { PromptField } from './PromptField'
import { maxUploadQuery } from './queries'
import { Samples } from './Samples'
import { SendButton } from './SendButton'
import { useCreateTask } from './useCreateTask'
import { useEstimate } from './useEstimate'

interface Props {
  models: Model[]
  mayCreate: boolean
}

/** The left half of the playground: what to make. */
export function Composer({ models, mayCreate }: Props) {
  const { t } = useTranslation()
  const [{ model: name }] = useDraft()
  const model = findModel(models, name)
  if (!model) return <p className="py-6 text-sm text-soft">{t('form.noModels')}</p>
  return <ComposerFor model={model} models={models} mayCreate={mayCreate} />
}

function ComposerFor({ model, models, mayCreate }: Props & { model: Model }) {
  const [written, setDraft] = useDraft()
  const [tried, setTried] = useState(false)
  const create = useCreateTask()
  const draft = fit(written, model)
  const problemsOf = useProblems(draft, model)
  const isComplete = Object.keys(problemsOf(true)).length === 0
  const estimate = useEstimate(draft, mayCreate && isComplete)
  const refused = create.error instanceof ApiError ? create.error.fields : {}
  const problems = { ...refused, ...problemsOf(tried) }
  if (refused.file_paths) problems.files ??= refused.file_paths
  const change = (change: Partial<Draft>) => setDraft((draft) => ({ ...draft, ...change }))

  function send() {
    if (!mayCreate || create.isPending) return
    setTried(true)
    const wrong = problemsOf(true)
    if (Object.keys(wrong).length > 0) {
      if (wrong.prompt) document.querySelector<HTMLElement>('form textarea')?.focus()
      return
    }
    setTried(false)
    create.send(draft)
  }

  function onKeyDown(event: KeyboardEvent) {
    if (event.key !== 'Enter' || !(event.ctrlKey || event.metaKey)) return
    event.preventDefault()
    event.stopPropagation() // a focused button would take it as a press
    send()
  }

  return (
    // Ctrl+Enter sends from anywhere in the form; the button does the same.
    <div onKeyDownCapture={onKeyDown}>
      <Form
        onSubmit={(event) => {
          event.preventDefault()
          send()
        }}
        className="flex flex-col gap-5"
      >
        <PromptField model={model} draft={draft} problems={problems} onChange={setDraft} />
        <ModelSelect
          models={models}
          value={model.id}
          onChange={(id) => change({ model: id })}
          problem={problems.model}
        />
        <Parameters model={model} draft={draft} problems={problems} onChange={change} />
        <SendButton draft={draft} create={create} mayCreate={mayCreate} estimate={estimate} />
      </Form>
      <div className="mt-4">
        <Samples draft={draft} />
      </div>
    </div>
  )
}

/** What is wrong with the draft, also for this caller; and what it lacks if it should be complete. */
function useProblems(draft: Draft, model: Model): (complete: boolean) => Problems {
  const { t } = useTranslation()
  const format = useFormat()
  const { data: max = 0 } = useQuery(maxUploadQuery)
  const large = tooLarge(draft.materials, max)
  const tooMuch = large && {
    files: t('invalid.filesLarge', {
      name: large.name,
      size: format.bytes(large.size),
      max: format.bytes(max),
    }),
  }
  return (complete) => ({ ...tooMuch, ...check(draft, model, t, complete) })
}
