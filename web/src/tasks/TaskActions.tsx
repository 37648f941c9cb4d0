import { Download, RotateCcw, X } from 'lucide-react'
import { useMutation, useQueryClient, useSuspenseQuery } from '@tanstack/react-query'
import { useNavigate } from '@tanstack/react-router'
import { useTranslation } from 'react-i18next'
import { cancelTask, meQuery, retryTask, taskQuery } from '../api/queries'
import { hasEnded, may, type Task } from '../api/types'
import { Button, buttonLook } from '../ui/Button'
import { useErrorText } from '../ui/ErrorNote'

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
    </>
  )
}

function useActions(id: string, stayHere: boolean) {
  const client = useQueryClient()
  const navigate = useNavigate()
  const refresh = () =>
    Promise.all([
      client.invalidateQueries({ queryKey: taskQuery(id).queryKey }),
      client.invalidateQueries({ queryKey: ['tasks'] }),
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
