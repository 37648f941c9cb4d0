import i18next from 'i18next'
import { initReactI18next } from 'react-i18next'
import { en } from './en'
import { zh } from './zh'

export const languages = { zh: '中文', en: 'English' } as const
export type Language = keyof typeof languages

function preferred(): Language {
  const chosen = localStorage.getItem('language')
  if (chosen === 'zh' || chosen === 'en') return chosen
  return navigator.language.toLowerCase().startsWith('zh') ? 'zh' : 'en'
}

export function chooseLanguage(language: Language): void {
  localStorage.setItem('language', language)
  void i18next.changeLanguage(language)
}

i18next.on('languageChanged', (language) => {
  document.documentElement.lang = language === 'zh' ? 'zh-CN' : 'en'
})

void i18next.use(initReactI18next).init({
  resources: { en: { translation: en }, zh: { translation: zh } },
  lng: preferred(),
  fallbackLng: 'en',
  returnNull: false,
  interpolation: { escapeValue: false }, // React escapes
})

export { i18next }
