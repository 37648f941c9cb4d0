import {
  createContext,
  useContext,
  useState,
  type Dispatch,
  type ReactNode,
  type SetStateAction,
} from 'react'
import type { Draft } from '../api/upload'
import { emptyDraft } from './draft'

const DraftContext = createContext<[Draft, Dispatch<SetStateAction<Draft>>] | null>(null)

/** Keeps what one was writing while one looks at other pages. */
export function DraftProvider({ children }: { children: ReactNode }) {
  return <DraftContext value={useState(emptyDraft)}>{children}</DraftContext>
}

export function useDraft() {
  const draft = useContext(DraftContext)
  if (draft === null) throw new Error('useDraft outside of DraftProvider')
  return draft
}
