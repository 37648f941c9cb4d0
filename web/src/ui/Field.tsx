import type { ReactNode } from 'react'

/** The style of a field's label; use it with the Label of the field's component. */
export const labelLook = 'text-xs font-medium text-soft'

/** What is wrong with a field. It is announced when it appears. */
export function Problem({ id, children }: { id?: string; children: ReactNode }) {
  return (
    <p id={id} className="mt-1.5 text-xs text-red" role={children ? 'alert' : undefined}>
      {children}
    </p>
  )
}
