import { useNavigate } from '@tanstack/react-router'
import { CircleUser, Languages, Monitor, Moon, Sun } from 'lucide-react'
import { useTranslation } from 'react-i18next'
import type { Me } from '../api/types'
import { useSignOut } from '../signin/useSession'
import { chooseLanguage, languages, type Language } from '../i18n'
import { Menu } from '../ui/Menu'
import { themes, useTheme } from './theme'

/** Language and theme, the same on the sign-in page and in the frame. */
export function Settings() {
  return (
    <>
      <LanguageMenu />
      <ThemeMenu />
    </>
  )
}

function LanguageMenu() {
  const { t, i18n } = useTranslation()
  const items = (Object.keys(languages) as Language[]).map((id) => ({ id, text: languages[id] }))
  return (
    <Menu
      label={t('header.language')}
      button={<Languages aria-hidden size={17} />}
      items={items}
      selected={i18n.language as Language}
      onAction={chooseLanguage}
    />
  )
}

const themeIcons = { system: Monitor, light: Sun, dark: Moon }

function ThemeMenu() {
  const { t } = useTranslation()
  const [theme, setTheme] = useTheme()
  const Icon = themeIcons[theme]
  return (
    <Menu
      label={t('header.theme')}
      button={<Icon aria-hidden size={17} />}
      items={themes.map((id) => ({ id, text: t(`header.themes.${id}`) }))}
      selected={theme}
      onAction={setTheme}
    />
  )
}

export function AccountMenu({ me }: { me: Me }) {
  const { t } = useTranslation()
  const signOut = useSignOut()
  const navigate = useNavigate()
  const name = me.name || t('header.key', { prefix: me.key_prefix })
  return (
    <Menu
      label={`${t('header.account')}: ${name}`}
      button={
        <>
          <CircleUser aria-hidden size={17} />
          <span className="max-w-40 truncate max-sm:hidden" dir="auto">
            {name}
          </span>
        </>
      }
      items={[
        { id: '/sign-ins', text: t('nav.signins') },
        { id: '/about', text: t('nav.about') },
        { id: 'out', text: t('header.signOut') },
      ]}
      onAction={(id) => void (id === 'out' ? signOut() : navigate({ to: id }))}
    />
  )
}
