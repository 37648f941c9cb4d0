import type { ReactNode } from 'react'

interface Props {
  /** What is not there: "No tasks yet". */
  title: string
  /** What it is, and why there is none. */
  children?: ReactNode
  /** The one thing to do next. */
  action?: ReactNode
}

/** A place with nothing in it. */
export function Empty({ title, children, action }: Props) {
  return (
    <div className="mx-auto max-w-lg py-14 text-center">
      <p className="text-base font-medium">{title}</p>
      {children && <div className="mt-1 text-sm text-soft">{children}</div>}
      {action && <div className="mt-4 flex justify-center">{action}</div>}
    </div>
  )
}
