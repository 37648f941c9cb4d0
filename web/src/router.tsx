import {
  createRootRoute,
  createRoute,
  createRouter,
  Outlet,
  parseSearchWith,
  redirect,
  stringifySearchWith,
} from '@tanstack/react-router'
import { logLevels, statuses, type LogLevel, type Status } from './api/types'
import { PageFailed, PageNotFound } from './frame/Failed'
import { Shell } from './frame/Shell'
import { LogsPage } from './logs/LogsPage'
import { PlaygroundPage } from './playground/PlaygroundPage'
import { TaskPage } from './tasks/TaskPage'
import { TasksPage } from './tasks/TasksPage'

const root = createRootRoute({
  component: () => (
    <Shell>
      <Outlet />
    </Shell>
  ),
  errorComponent: PageFailed,
  notFoundComponent: PageNotFound,
})

const playground = createRoute({
  getParentRoute: () => root,
  path: '/',
  component: PlaygroundPage,
  validateSearch: (search: Record<string, unknown>): { task?: string } =>
    typeof search.task === 'string' && search.task !== '' ? { task: search.task } : {},
})

const tasks = createRoute({
  getParentRoute: () => root,
  path: '/tasks',
  component: TasksPage,
  validateSearch: (search: Record<string, unknown>): { status?: Status } => {
    const status = statuses.find((status) => status === search.status)
    return status ? { status } : {}
  },
})

const task = createRoute({ getParentRoute: () => root, path: '/tasks/$id', component: TaskPage })

interface LogSearch {
  source?: string
  level?: LogLevel
  q?: string
}

const logs = createRoute({
  getParentRoute: () => root,
  path: '/logs',
  component: LogsPage,
  validateSearch: (search: Record<string, unknown>): LogSearch => {
    const { source, q } = search
    const level = logLevels.find((level) => level === search.level)
    return {
      ...(typeof source === 'string' && source !== '' && { source }),
      ...(level && { level }),
      ...(typeof q === 'string' && q !== '' && { q }),
    }
  },
})

/** Where a refused sign-in leads; whoever is in by now has no use for it. */
const signIn = createRoute({
  getParentRoute: () => root,
  path: '/signin',
  beforeLoad: () => {
    throw redirect({ to: '/', replace: true })
  },
})

export function newRouter() {
  return createRouter({
    routeTree: root.addChildren([playground, tasks, task, logs, signIn]),
    // Every search parameter is a plain string: an id of digits stays one.
    parseSearch: parseSearchWith((value) => value),
    stringifySearch: stringifySearchWith(String),
    scrollRestoration: true,
    defaultErrorComponent: PageFailed,
  })
}

declare module '@tanstack/react-router' {
  interface Register {
    router: ReturnType<typeof newRouter>
  }
}
