import { useRef, useState } from 'react'
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { useNavigate } from '@tanstack/react-router'
import { createTask, type Draft } from '../api/upload'

/** Sends a draft; the new task then opens on this page, if one is still here. */
export function useCreateTask() {
  const client = useQueryClient()
  const navigate = useNavigate()
  const abort = useRef<AbortController>(null)
  const [sent, setSent] = useState(0)
  const { mutate, isPending, error } = useMutation({
    mutationFn: (draft: Draft) => {
      abort.current = new AbortController()
      setSent(0)
      return createTask(draft, setSent, abort.current.signal)
    },
    onSettled: () => client.invalidateQueries({ queryKey: ['tasks'] }),
  })
  return {
    send: (draft: Draft) =>
      mutate(draft, {
        onSuccess: ({ task }) => void navigate({ to: '/playground', search: { task: task.id } }),
      }),
    stop: () => abort.current?.abort(),
    isPending,
    /** Fraction of the upload that is on its way. */
    sent,
    error: error?.name === 'AbortError' ? null : error,
  }
}
