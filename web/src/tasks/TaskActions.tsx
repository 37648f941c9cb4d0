import { useState } from 'react'
import { Download, RotateCcw, SlidersHorizontal, Trash2, X } from 'lucide-react'
import { useMutation, useQueryClient, useSuspenseQuery } from '@tanstack/react-query'
import { useNavigate } from '@tanstack/react-router'
import { useTranslation } from 'react-i18next'
import { cancelTask, keys, meQuery, retryTask, taskQuery } from '../api/queries'
import { hasEnded, may, type Task } from '../api/types'
import { draftOf } from '../playground/draft'
import { useDraft } from '../playground/DraftProvider'
import { Button, buttonLook } from '../ui/Button'
import { Confirm } from '../ui/Dialog'
import { useErrorText } from '../ui/ErrorNote'
import { say } from '../ui/Toasts'
import { deleteTask } from './taskQueries'

/** What may be done with a task now. */
export function TaskActions({ task, stayHere }: { task: Task; stayHere: boolean }) {
  const { t } = useTranslation()
  const { data: me } = useSuspenseQuery(meQuery)
  const { cancel, retry } = useActions(task.id, stayHere)
  const problem = useErrorText(cancel.error ?? retry.error)
  const ended = hasEnded(task.status)
  return (
    <>
      {(cancel.isError || retry.isError) && (
        <p role="alert" className="self-center px-2 text-sm text-red">
          {t('task.actionFailed', { message: problem })}
        </p>
      )}
      <Downloads task={task} />
      {!ended && may(me, 'task:cancel') && (
        <Button look="quiet" isBusy={cancel.isPending} onPress={() => cancel.mutate()}>
          <X aria-hidden size={15} />
          {cancel.isPending ? t('task.cancelling') : t('task.cancel')}
        </Button>
      )}
      {ended && may(me, 'task:retry') && (
        <Button
          look={task.status === 'failed' ? 'plain' : 'quiet'}
          isBusy={retry.isPending}
          onPress={() => retry.mutate()}
        >
          <RotateCcw aria-hidden size={15} />
          {t('task.retry')}
        </Button>
      )}
      {ended && may(me, 'video:create') && task.kind === 'video' && (
        <Change task={task} stayHere={stayHere} />
      )}
      {ended && !stayHere && may(me, 'task:delete') && <Delete task={task} />}
    </>
  )
}

/** Opens the playground with what the task was made of. */
function Change({ task, stayHere }: { task: Task; stayHere: boolean }) {
  const { t } = useTranslation()
  const navigate = useNavigate()
  const [, setDraft] = useDraft()
  return (
    <Button
      look="quiet"
      onPress={() => {
        setDraft(draftOf(task))
        void navigate({ to: '/playground', search: stayHere ? { task: task.id } : {} })
      }}
    >
      <SlidersHorizontal aria-hidden size={15} />
      {t('task.change')}
    </Button>
  )
}

function Delete({ task }: { task: Task }) {
  const { t } = useTranslation()
  const client = useQueryClient()
  const navigate = useNavigate()
  const [isOpen, setOpen] = useState(false)
  const confirm = async () => {
    await deleteTask(task.id)
    say(t('task.deleted'))
    await navigate({ to: '/tasks' })
    client.removeQueries({ queryKey: keys.task(task.id) })
    void client.invalidateQueries({ queryKey: keys.taskLists })
  }
  return (
    <>
      <Button look="quiet" onPress={() => setOpen(true)}>
        <Trash2 aria-hidden size={15} />
        {t('task.delete')}
      </Button>
      <Confirm
        title={t('task.deleteTitle')}
        action={t('task.delete')}
        isOpen={isOpen}
        onClose={() => setOpen(false)}
        onConfirm={confirm}
      >
        {t('task.deleteHint')}
      </Confirm>
    </>
  )
}

function useActions(id: string, stayHere: boolean) {
  const client = useQueryClient()
  const navigate = useNavigate()
  const refresh = () =>
    Promise.all([
      client.invalidateQueries({ queryKey: taskQuery(id).queryKey }),
      client.invalidateQueries({ queryKey: keys.taskLists }),
    ])
  const cancel = useMutation({ mutationFn: () => cancelTask(id), onSettled: refresh })
  const retry = useMutation({
    mutationFn: () => retryTask(id),
    onSuccess: ({ task }) => {
      if (!task) return
      if (stayHere) void navigate({ to: '/playground', search: { task: task.id } })
      else void navigate({ to: '/tasks/$id', params: { id: task.id } })
    },
    onSettled: refresh,
  })
  return { cancel, retry }
}

function Downloads({ task }: { task: Task }) {
  const { t } = useTranslation()
  const images = task.image_urls ?? []
  const files = task.video_url
    ? [{ url: task.video_url, text: t('result.download') }]
    : images.map((url, index) => ({
        url,
        text: images.length > 1 ? t('result.image', { n: index + 1 }) : t('result.download'),
      }))
  return files.map(({ url, text }, index) => (
    <a
      key={index}
      href={url}
      download={`${task.id}${files.length > 1 ? `-${index + 1}` : ''}`}
      className={buttonLook('plain')}
    >
      <Download aria-hidden size={15} />
      {text}
    </a>
  ))
}
