import type { ReactNode } from 'react'
import { Link } from '@tanstack/react-router'
import { Button } from 'react-aria-components'
import { useTranslation } from 'react-i18next'
import type { Schemas } from '../api/types'
import { Moment } from '../ui/Moment'
import { difference, type Change } from './difference'
import type { AuditSearch } from './search'

interface Props {
  line: Schemas['Audit']
  /** Narrows the list to what is like this line. */
  onOnly: (filter: AuditSearch) => void
}

/** Who did what to what, and what came of it. */
export function AuditLine({ line, onOnly }: Props) {
  const { t } = useTranslation()
  const { actor, action, target_id, target_kind, result, address } = line
  const changes = difference(line.was, line.became)
  return (
    <li className="grid gap-x-5 border-t border-line py-2 text-sm sm:grid-cols-[7.5rem_minmax(0,1fr)_auto]">
      <Moment at={line.at} className="text-soft max-sm:text-xs" />
      <div className="min-w-0">
        <p className="flex flex-wrap items-baseline gap-x-2">
          <Only what={actor.name || actor.id} onPress={() => onOnly({ actor: actor.id })}>
            <span className="font-medium" dir="auto">
              {actor.name || actor.id}
            </span>
          </Only>
          <Only what={action} onPress={() => onOnly({ action })}>
            <span className="font-mono text-2xs">{action}</span>
          </Only>
          {target_id && (
            <>
              <Only what={target_id} onPress={() => onOnly({ target: target_id })}>
                <span className="font-mono text-2xs break-all text-soft">{target_id}</span>
              </Only>
              {target_kind === 'task' && (
                <Link to="/tasks/$id" params={{ id: target_id }} className="text-accent underline">
                  {t('logs.toTask')}
                </Link>
              )}
            </>
          )}
        </p>
        {changes.length > 0 && <Changes changes={changes} />}
      </div>
      <p
        className="text-soft sm:text-right"
        title={line.request_id ? t('audit.request', { id: line.request_id }) : undefined}
      >
        {result === 'ok' ? (
          t('audit.done')
        ) : (
          <span className="text-red">{t('audit.refused', { code: result })}</span>
        )}
        <span className="block text-2xs max-sm:ml-2 max-sm:inline">{address ?? t('audit.commandLine')}</span>
      </p>
    </li>
  )
}

function Only({ what, onPress, children }: { what: string; onPress: () => void; children: ReactNode }) {
  const { t } = useTranslation()
  return (
    <Button
      aria-label={t('audit.only', { what })}
      onPress={onPress}
      className="max-w-full min-h-6 cursor-pointer truncate rounded-sm text-left hover:underline"
    >
      {children}
    </Button>
  )
}

function Changes({ changes }: { changes: Change[] }) {
  return (
    <dl className="mt-0.5 grid grid-cols-[max-content_minmax(0,1fr)] gap-x-4 text-2xs">
      {changes.map(({ name, was, became }) => (
        <div key={name} className="contents">
          <dt className="max-w-40 truncate text-soft">{name}</dt>
          <dd className="line-clamp-4 break-words" dir="auto">
            {was !== undefined && <del className="text-red decoration-1">{was === '' ? '""' : was}</del>}
            {was !== undefined && became !== undefined && <span className="text-soft"> → </span>}
            {became !== undefined && (
              <ins className="text-green no-underline">{became === '' ? '""' : became}</ins>
            )}
          </dd>
        </div>
      ))}
    </dl>
  )
}
