import { expect, test } from 'vitest'
import { sampleTask } from '../testing/samples'
import { withNews } from './news'
import type { TaskPages } from './queries'

function pages(next: string | null, ...ids: string[][]): TaskPages {
  return {
    pageParams: ids.map(() => undefined),
    pages: ids.map((page, at) => ({
      tasks: page.map((id) => sampleTask({ id })),
      next: at === ids.length - 1 ? next : 'more',
      filter: {},
    })),
  } as TaskPages
}
const waiting = (...ids: string[]) => new Map(ids.map((id) => [id, sampleTask({ id })]))
const idsOf = (data: TaskPages) => data.pages.map(({ tasks }) => tasks.map(({ id }) => id))

test('new tasks come first, newest on top', () => {
  expect(idsOf(withNews(pages(null, ['T5', 'T4']), waiting('T6', 'T8', 'T7')))).toEqual([
    ['T8', 'T7', 'T6', 'T5', 'T4'],
  ])
})

test('a task that has become what the filter looks for stands in its place', () => {
  expect(idsOf(withNews(pages('more', ['T9', 'T7'], ['T5', 'T3']), waiting('T8', 'T4')))).toEqual([
    ['T9', 'T8', 'T7'],
    ['T5', 'T4', 'T3'],
  ])
})

test('what is older than all that is loaded waits for its page, if there is one', () => {
  expect(idsOf(withNews(pages('more', ['T9', 'T7']), waiting('T1')))).toEqual([['T9', 'T7']])
  expect(idsOf(withNews(pages(null, ['T9', 'T7']), waiting('T1')))).toEqual([['T9', 'T7', 'T1']])
})

test('an empty list is filled, and nothing comes twice', () => {
  expect(idsOf(withNews(pages(null, []), waiting('T1', 'T2')))).toEqual([['T2', 'T1']])
  expect(idsOf(withNews(pages(null, ['T2']), waiting('T2')))).toEqual([['T2']])
})
