import { RotateCcw, X } from 'lucide-react'
import { useMutation, useSuspenseQuery } from '@tanstack/react-query'
import { useTranslation } from 'react-i18next'
import { cancelTask, meQuery, retryTask } from '../api/queries'
import { hasEnded, may, type Task } from '../api/types'
import { useErrorText } from '../ui/ErrorNote'
import { say } from '../ui/Toasts'

/** What is most likely wanted of one task: an end, or another try. */
export function RowAction({ task }: { task: Task }) {
  const { t } = useTranslation()
  const { data: me } = useSuspenseQuery(meQuery)
  const ended = hasEnded(task.status)
  const action = useMutation({
    mutationFn: async () => void (await (ended ? retryTask(task.id) : cancelTask(task.id))),
    onSuccess: () => say(ended ? t('tasks.retried') : t('tasks.cancelled')),
    onError: (error) => say(t('task.actionFailed', { message: error.message })),
  })
  const problem = useErrorText(action.error)
  const isOffered = ended ? task.status !== 'succeeded' && may(me, 'task:retry') : may(me, 'task:cancel')
  if (!isOffered) return null
  const Icon = ended ? RotateCcw : X
  const label = ended ? t('task.retry') : t('task.cancel')
  return (
    <button
      type="button"
      tabIndex={-1}
      aria-label={label}
      title={action.isError ? problem : label}
      disabled={action.isPending}
      onClick={(event) => {
        event.stopPropagation()
        action.mutate()
      }}
      className="flex size-8 cursor-pointer items-center justify-center rounded-md text-soft hover:text-ink disabled:opacity-50"
    >
      <Icon aria-hidden size={15} />
    </button>
  )
}
