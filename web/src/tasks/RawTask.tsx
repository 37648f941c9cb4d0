import { Tab, TabList, TabPanel, Tabs } from 'react-aria-components'
import { useTranslation } from 'react-i18next'
import type { Task } from '../api/types'
import { draftOf } from '../playground/draft'
import { languages, sample, type Language } from '../playground/samples'
import { Code } from '../ui/Code'

/** The task for programs: as the API tells it, and the request that repeats it. */
export function RawTask({ task }: { task: Task }) {
  const { t } = useTranslation()
  const all = Object.entries(languages) as [Language, string][]
  const tab =
    'target flex cursor-pointer items-center rounded-md px-2.5 text-sm text-soft hover:text-ink data-[selected]:bg-accent-wash data-[selected]:font-medium data-[selected]:text-accent'
  return (
    <section aria-labelledby="raw" className="mt-9">
      <h2 id="raw" className="text-sm font-semibold">
        {t('task.raw')}
      </h2>
      <Tabs className="mt-1">
        <TabList aria-labelledby="raw" className="-ml-2 flex flex-wrap gap-0.5">
          <Tab id="json" className={tab}>
            JSON
          </Tab>
          {all.map(([id, name]) => (
            <Tab key={id} id={id} className={tab}>
              {t('task.repeatIn', { name })}
            </Tab>
          ))}
        </TabList>
        <TabPanel id="json" className="mt-1.5">
          <Code text={JSON.stringify(task, null, 2)} label={t('task.copyJson')} />
        </TabPanel>
        {all.map(([id, name]) => (
          <TabPanel key={id} id={id} className="mt-1.5">
            <Code text={sample(id, location.origin, draftOf(task))} label={t('samples.copy', { name })} />
          </TabPanel>
        ))}
      </Tabs>
    </section>
  )
}
