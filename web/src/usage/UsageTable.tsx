import { useTranslation } from 'react-i18next'
import { Cell, Column, Row, Table, TableBody, TableHeader } from 'react-aria-components'
import { ChevronDown, ChevronUp } from 'lucide-react'
import type { Schemas } from '../api/types'
import { useFormat } from '../i18n/format'
import { idOf, nameOf, sorted } from './rows'
import { columns, type Column as ColumnId, type Grouping } from './search'

interface Props {
  rows: Schemas['UsageRow'][]
  total: Schemas['UsageSums']
  by: Grouping
  sort: ColumnId
  order: 'up' | 'down'
  onSort: (sort: ColumnId, order: 'up' | 'down') => void
}

/** The same in figures, sorted by a column, with the total at its end. */
export function UsageTable({ rows, total, by, sort, order, onSort }: Props) {
  const { t } = useTranslation()
  const format = useFormat()
  const measures = columns.filter((column) => column !== 'name')
  const cell = 'px-3 py-1.5 text-right whitespace-nowrap'
  return (
    <div className="mt-6 -mx-3 overflow-x-auto">
      <Table
        aria-label={t('usage.table')}
        sortDescriptor={{ column: sort, direction: order === 'up' ? 'ascending' : 'descending' }}
        onSortChange={({ column, direction }) => {
          // Figures are looked at from the highest.
          const first = column === 'name' ? 'up' : 'down'
          onSort(column as ColumnId, column === sort ? (direction === 'ascending' ? 'up' : 'down') : first)
        }}
        className="w-full text-sm"
      >
        <TableHeader>
          {columns.map((column) => (
            <Column
              key={column}
              id={column}
              isRowHeader={column === 'name'}
              allowsSorting
              className={`cursor-pointer border-b border-line px-3 py-2 text-xs font-medium whitespace-nowrap text-soft hover:text-ink ${column === 'name' ? 'text-left' : 'text-right'}`}
            >
              <span aria-hidden className="mr-1 inline-block align-[-2px]">
                {column === sort && (order === 'up' ? <ChevronUp size={13} /> : <ChevronDown size={13} />)}
              </span>
              {column === 'name' ? t(`usage.grouping.${by}`) : t(`usage.columns.${column}`)}
            </Column>
          ))}
        </TableHeader>
        <TableBody>
          {sorted(rows, by, sort, order).map((row) => (
            <Row key={idOf(row, by)} id={idOf(row, by) || '-'} className="hover:bg-hover">
              <Cell className="max-w-72 truncate px-3 py-1.5">
                <span dir="auto">{nameOf(row, by) || t('usage.requestsOnly')}</span>
              </Cell>
              {measures.map((column) => (
                <Cell key={column} className={`${cell} ${row[column] === 0 ? 'text-soft' : ''}`}>
                  {format.number(row[column])}
                </Cell>
              ))}
            </Row>
          ))}
          <Row id="total" className="font-medium">
            <Cell className="border-t border-line px-3 py-2">{t('usage.total')}</Cell>
            {measures.map((column) => (
              <Cell key={column} className={`border-t border-line ${cell}`}>
                {format.number(total[column])}
              </Cell>
            ))}
          </Row>
        </TableBody>
      </Table>
    </div>
  )
}
