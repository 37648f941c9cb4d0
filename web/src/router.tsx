import {
  createRootRoute,
  createRoute,
  createRouter,
  lazyRouteComponent,
  Outlet,
  parseSearchWith,
  redirect,
  stringifySearchWith,
} from '@tanstack/react-router'
import { PageFailed, PageNotFound } from './frame/Failed'
import { Shell } from './frame/Shell'
import { auditSearch } from './audit/search'
import { keysSearch } from './keys/search'
import { logsSearch } from './logs/search'
import { overviewSearch } from './overview/search'
import { playgroundSearch } from './playground/search'
import { signInsSearch } from './signins/search'
import { sessionsSearch } from './sessions/search'
import { tasksSearch } from './tasks/search'
import { usageSearch } from './usage/search'

const root = createRootRoute({
  component: () => (
    <Shell>
      <Outlet />
    </Shell>
  ),
  errorComponent: PageFailed,
  notFoundComponent: PageNotFound,
})
const getParentRoute = () => root

// Each page is a file of its own that is loaded when somebody goes there. What is in
// its address is checked by the page's search.ts.

const overview = createRoute({
  getParentRoute,
  path: '/',
  component: lazyRouteComponent(() => import('./overview/OverviewPage'), 'OverviewPage'),
  validateSearch: overviewSearch,
})
const playground = createRoute({
  getParentRoute,
  path: '/playground',
  component: lazyRouteComponent(() => import('./playground/PlaygroundPage'), 'PlaygroundPage'),
  validateSearch: playgroundSearch,
})
const tasks = createRoute({
  getParentRoute,
  path: '/tasks',
  component: lazyRouteComponent(() => import('./tasks/TasksPage'), 'TasksPage'),
  validateSearch: tasksSearch,
})
const task = createRoute({
  getParentRoute,
  path: '/tasks/$id',
  component: lazyRouteComponent(() => import('./tasks/TaskPage'), 'TaskPage'),
})
const sessions = createRoute({
  getParentRoute,
  path: '/sessions',
  component: lazyRouteComponent(() => import('./sessions/SessionsPage'), 'SessionsPage'),
  validateSearch: sessionsSearch,
})
const keys = createRoute({
  getParentRoute,
  path: '/keys',
  component: lazyRouteComponent(() => import('./keys/KeysPage'), 'KeysPage'),
  validateSearch: keysSearch,
})
const usage = createRoute({
  getParentRoute,
  path: '/usage',
  component: lazyRouteComponent(() => import('./usage/UsagePage'), 'UsagePage'),
  validateSearch: usageSearch,
})
const logs = createRoute({
  getParentRoute,
  path: '/logs',
  component: lazyRouteComponent(() => import('./logs/LogsPage'), 'LogsPage'),
  validateSearch: logsSearch,
})
const audit = createRoute({
  getParentRoute,
  path: '/audit',
  component: lazyRouteComponent(() => import('./audit/AuditPage'), 'AuditPage'),
  validateSearch: auditSearch,
})
const signIns = createRoute({
  getParentRoute,
  path: '/sign-ins',
  component: lazyRouteComponent(() => import('./signins/SignInsPage'), 'SignInsPage'),
  validateSearch: signInsSearch,
})
const about = createRoute({
  getParentRoute,
  path: '/about',
  component: lazyRouteComponent(() => import('./about/AboutPage'), 'AboutPage'),
})

/** Where a refused sign-in leads; whoever is in by now has no use for it. */
const signIn = createRoute({
  getParentRoute,
  path: '/signin',
  beforeLoad: () => {
    throw redirect({ to: '/', replace: true })
  },
})

const pages = [overview, playground, tasks, task, sessions, keys, usage, logs, audit, signIns, about, signIn]

export function newRouter() {
  return createRouter({
    routeTree: root.addChildren(pages),
    // Every search parameter is a plain string: an id of digits stays one.
    parseSearch: parseSearchWith((value) => value),
    stringifySearch: stringifySearchWith(String),
    scrollRestoration: true,
    defaultPreload: 'intent',
    defaultErrorComponent: PageFailed,
  })
}

/** Begins to load the script of the page that is shown at the path. */
export function preloadPage(path: string): void {
  const [routes] = newRouter().getMatchedRoutes(path)
  for (const { options } of routes) {
    const page = (options as { component?: { preload?: () => Promise<unknown> } }).component
    void page?.preload?.().catch(() => undefined) // the page itself tells
  }
}

declare module '@tanstack/react-router' {
  interface Register {
    router: ReturnType<typeof newRouter>
  }
}
