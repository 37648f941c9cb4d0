import { useState } from 'react'
import { ChevronRight } from 'lucide-react'
import {
  Button,
  Disclosure,
  DisclosurePanel,
  Heading,
  Tab,
  TabList,
  TabPanel,
  Tabs,
} from 'react-aria-components'
import { useTranslation } from 'react-i18next'
import type { Draft } from '../api/upload'
import { Code } from '../ui/Code'
import { languages, sample, type Language } from './samples'

/** The same request for a program, on demand. */
export function Samples({ draft }: { draft: Draft }) {
  const { t } = useTranslation()
  const [isOpen, setOpen] = useState(false)
  return (
    <Disclosure isExpanded={isOpen} onExpandedChange={setOpen}>
      <Heading level={2}>
        <Button
          slot="trigger"
          className="target -ml-1 flex cursor-pointer items-center gap-1 rounded-md px-1 text-sm text-soft hover:text-ink"
        >
          <ChevronRight aria-hidden size={15} className={isOpen ? 'rotate-90' : ''} />
          {t('samples.title')}
        </Button>
      </Heading>
      <DisclosurePanel>{isOpen && <SampleTabs draft={draft} />}</DisclosurePanel>
    </Disclosure>
  )
}

function SampleTabs({ draft }: { draft: Draft }) {
  const { t } = useTranslation()
  const all = Object.entries(languages) as [Language, string][]
  return (
    <Tabs className="mt-1">
      <TabList aria-label={t('samples.language')} className="flex gap-0.5">
        {all.map(([id, name]) => (
          <Tab
            key={id}
            id={id}
            className="target flex cursor-pointer items-center rounded-md px-2.5 text-sm text-soft hover:text-ink data-[selected]:bg-accent-wash data-[selected]:font-medium data-[selected]:text-accent"
          >
            {name}
          </Tab>
        ))}
      </TabList>
      {all.map(([id, name]) => (
        <TabPanel key={id} id={id} className="mt-1.5">
          <Code text={sample(id, location.origin, draft)} label={t('samples.copy', { name })} />
        </TabPanel>
      ))}
      <p className="mt-1.5 text-xs text-soft">{t('samples.hint')}</p>
    </Tabs>
  )
}
