import { useRouter } from '@tanstack/react-router'
import { useSuspenseQuery } from '@tanstack/react-query'
import { useTranslation } from 'react-i18next'
import { meQuery } from '../api/queries'
import { may } from '../api/types'
import { usePages } from '../frame/Rail'
import { themes, useTheme } from '../frame/theme'
import { chooseLanguage, languages, type Language } from '../i18n'
import { useSignOut } from '../signin/useSession'
import { has, useFound } from './useFound'

export interface Command {
  id: string
  text: string
  /** More about it, at the end of its line. */
  aside?: string
  run: () => void
}

export interface Group {
  id: 'pages' | 'actions' | 'tasks' | 'sessions' | 'keys'
  commands: Command[]
}

/** What the words stand for, in groups; those without any are left out. */
export function useCommands(words: string, showShortcuts: () => void): Group[] {
  const { t } = useTranslation()
  const { history } = useRouter()
  const pages = usePages()
  const actions = useActions(showShortcuts)
  const found = useFound(words)
  const to = (href: string) => () => history.push(href)
  const groups: Group[] = [
    {
      id: 'pages',
      commands: [...pages, { to: '/sign-ins', key: 'nav.signins' } as const]
        .map(({ to: path, key }) => ({ id: path, text: t(key), run: to(path) }))
        .filter(({ text, id }) => has(words, text, id)),
    },
    { id: 'actions', commands: actions.filter(({ text }) => has(words, text)) },
    {
      id: 'tasks',
      commands: found.tasks.map(({ id, prompt, status }) => ({
        id: `task ${id}`,
        text: prompt || t('palette.noPrompt'),
        aside: t(`status.${status}`),
        run: to(`/tasks/${id}`),
      })),
    },
    {
      id: 'sessions',
      commands: found.sessions.map(({ id, label }) => ({
        id: `session ${id}`,
        text: label || id,
        run: to(`/sessions?session=${encodeURIComponent(id)}`),
      })),
    },
    {
      id: 'keys',
      commands: found.keys.map(({ id, name, key_prefix: prefix }) => ({
        id: `key ${id}`,
        text: name || prefix,
        aside: prefix,
        run: to(`/keys?key=${encodeURIComponent(id)}`),
      })),
    },
  ]
  return groups.filter(({ commands }) => commands.length > 0)
}

function useActions(showShortcuts: () => void): Command[] {
  const { t, i18n } = useTranslation()
  const { history } = useRouter()
  const { data: me } = useSuspenseQuery(meQuery)
  const [theme, setTheme] = useTheme()
  const signOut = useSignOut()
  const actions: (Command | false)[] = [
    may(me, 'video:create') && {
      id: 'new',
      text: t('palette.newTask'),
      aside: 'n',
      run: () => history.push('/playground'),
    },
    may(me, 'admin') && {
      id: 'add session',
      text: t('palette.addSession'),
      run: () => history.push('/sessions'),
    },
    may(me, 'admin') && { id: 'make key', text: t('palette.makeKey'), run: () => history.push('/keys') },
    ...themes
      .filter((other) => other !== theme)
      .map((other) => ({
        id: `theme ${other}`,
        text: t('palette.theme', { theme: t(`header.themes.${other}`) }),
        run: () => setTheme(other),
      })),
    ...(Object.keys(languages) as Language[])
      .filter((other) => other !== i18n.language)
      .map((other) => ({ id: other, text: languages[other], run: () => chooseLanguage(other) })),
    { id: 'shortcuts', text: t('palette.shortcuts'), aside: '?', run: showShortcuts },
    me.auth_enabled && { id: 'out', text: t('header.signOut'), run: () => void signOut() },
  ]
  return actions.filter((action) => action !== false)
}
