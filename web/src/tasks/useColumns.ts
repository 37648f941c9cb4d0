import { useMemo, useState } from 'react'
import { columns, type Column } from './columns'

const storedAs = 'taskColumns'
const standard: Column[] = ['note', 'model', 'output', 'created', 'took']

/** Which columns are shown; kept in this browser. */
export function useColumns(isAdmin: boolean, mayReadPool: boolean) {
  const offered = useMemo(
    () =>
      columns.filter((column) => (column === 'key' ? isAdmin : column === 'session' ? mayReadPool : true)),
    [isAdmin, mayReadPool],
  )
  const [chosen, setChosen] = useState(
    () => stored() ?? [...standard, ...(isAdmin ? (['key'] as const) : [])],
  )
  // Rows are drawn again when this changes.
  const shown = useMemo(() => offered.filter((column) => chosen.includes(column)), [offered, chosen])
  return {
    offered,
    shown,
    choose: (shown: Column[]) => {
      setChosen(shown)
      localStorage.setItem(storedAs, shown.join(','))
    },
  }
}

function stored(): Column[] | null {
  const text = localStorage.getItem(storedAs)
  return text === null ? null : columns.filter((column) => text.split(',').includes(column))
}
