import { useState } from 'react'
import { useQuery } from '@tanstack/react-query'
import { X } from 'lucide-react'
import { Input, Label, SearchField, ToggleButton, ToggleButtonGroup } from 'react-aria-components'
import { useTranslation } from 'react-i18next'
import { ApiError } from '../api/http'
import { logLevels } from '../api/types'
import { Button } from '../ui/Button'
import { Choose } from '../ui/Choose'
import { labelLook, Problem } from '../ui/Field'
import { expressionQuery } from './queries'
import type { LogsSearch } from './search'

const toggleLook =
  'target flex cursor-pointer items-center rounded-md px-2 text-sm text-soft hover:text-ink data-[selected]:bg-accent-wash data-[selected]:font-medium data-[selected]:text-accent'

interface Props {
  source: string
  search: LogsSearch
  onChange: (change: LogsSearch) => void
}

/** What of the log is shown, and what is marked in it. */
export function LogFilters({ source, search, onChange }: Props) {
  const { t } = useTranslation()
  const isRegex = search.regex === 'true'
  const { error } = useQuery({
    ...expressionQuery(source, search.q ?? ''),
    enabled: isRegex && search.q !== undefined,
  })
  const problem = isRegex && error instanceof ApiError ? error.fields.q : undefined
  return (
    <>
      <div>
        <Label className={labelLook} id="log-levels">
          {t('logs.level')}
        </Label>
        <ToggleButtonGroup
          aria-labelledby="log-levels"
          selectionMode="multiple"
          selectedKeys={search.level?.split(',') ?? []}
          onSelectionChange={(levels) =>
            onChange({ level: logLevels.filter((level) => levels.has(level)).join(',') || undefined })
          }
          className="mt-1 -ml-2 flex gap-0.5"
        >
          {logLevels.map((level) => (
            <ToggleButton key={level} id={level} className={toggleLook}>
              {t(`logs.levels.${level}`)}
            </ToggleButton>
          ))}
        </ToggleButtonGroup>
      </div>
      <Choose
        label={t('logs.stream')}
        isLabelHidden
        value={search.stream ?? 'all'}
        options={(['all', 'stdout', 'stderr'] as const).map((id) => ({ id, text: t(`logs.streams.${id}`) }))}
        onChange={(id) => onChange({ stream: id === 'all' ? undefined : id })}
      />
      <div>
        <div className="flex flex-wrap items-center gap-1">
          <Words key={search.q} text={search.q ?? ''} problem={problem} onSubmit={(q) => onChange({ q })} />
          <ToggleButton
            aria-label={t('logs.regex')}
            isSelected={isRegex}
            onChange={(on) => onChange({ regex: on ? 'true' : undefined })}
            className={`${toggleLook} font-mono`}
          >
            .*
          </ToggleButton>
          {search.q && (
            <ToggleButton
              isSelected={search.show !== 'all'}
              onChange={(on) => onChange({ show: on ? undefined : 'all' })}
              className={toggleLook}
            >
              {t('logs.onlyHits')}
            </ToggleButton>
          )}
        </div>
        {problem && <Problem id="log-search-problem">{problem}</Problem>}
      </div>
      {search.task && (
        <Button
          aria-label={t('logs.removeTask')}
          onPress={() => onChange({ task: undefined })}
          className="max-w-80 bg-accent-wash text-accent"
        >
          <span className="truncate">{t('logs.ofTask', { id: search.task })}</span>
          <X aria-hidden size={14} className="shrink-0" />
        </Button>
      )}
    </>
  )
}

interface WordsProps {
  text: string
  problem?: string
  onSubmit: (q: string | undefined) => void
}

function Words({ text, problem, onSubmit }: WordsProps) {
  const { t } = useTranslation()
  const [value, setValue] = useState(text)
  return (
    <SearchField
      aria-label={t('logs.search')}
      value={value}
      onChange={setValue}
      onSubmit={(words) => onSubmit(words || undefined)}
      onClear={() => onSubmit(undefined)}
    >
      <Input
        type="search"
        maxLength={200}
        aria-invalid={problem !== undefined}
        aria-describedby={problem && 'log-search-problem'}
        placeholder={t('logs.search')}
        className="target w-52 rounded-md border border-edge bg-ground px-2.5 text-sm aria-invalid:border-red [&::-webkit-search-cancel-button]:hidden"
      />
    </SearchField>
  )
}
