import { createContext, useContext } from 'react'

/** Opens the palette. The frame gives it, so that a page that comes or goes leaves the palette open. */
export const PaletteContext = createContext<() => void>(() => undefined)

export const usePalette = () => useContext(PaletteContext)
