import {
  createRootRoute,
  createRoute,
  createRouter,
  Outlet,
  parseSearchWith,
  redirect,
  stringifySearchWith,
} from '@tanstack/react-router'
import { statuses, type Status } from './api/types'
import { PageFailed, PageNotFound } from './frame/Failed'
import { Shell } from './frame/Shell'
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
    routeTree: root.addChildren([playground, tasks, task, signIn]),
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
