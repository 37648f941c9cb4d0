import {
  createContext,
  useContext,
  useEffect,
  useState,
  type Dispatch,
  type ReactNode,
  type SetStateAction,
} from 'react'
import { isFile, type Draft } from '../api/upload'
import { emptyDraft } from './draft'

const DraftContext = createContext<[Draft, Dispatch<SetStateAction<Draft>>] | null>(null)

const place = 'draft'

/** Keeps what one was writing while one looks at other pages, and over a reload all but the files. */
export function DraftProvider({ children }: { children: ReactNode }) {
  const state = useState(stored)
  const [draft] = state
  useEffect(() => {
    const materials = draft.materials.filter((material) => !isFile(material))
    sessionStorage.setItem(place, JSON.stringify({ ...draft, materials }))
  }, [draft])
  // Who signs out leaves nothing behind.
  useEffect(() => () => sessionStorage.removeItem(place), [])
  return <DraftContext value={state}>{children}</DraftContext>
}

function stored(): Draft {
  try {
    return { ...emptyDraft, ...(JSON.parse(sessionStorage.getItem(place) ?? '{}') as Partial<Draft>) }
  } catch {
    return emptyDraft
  }
}

export function useDraft() {
  const draft = useContext(DraftContext)
  if (draft === null) throw new Error('useDraft outside of DraftProvider')
  return draft
}
