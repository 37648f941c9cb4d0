import { StrictMode } from 'react'
import { createRoot } from 'react-dom/client'
import { newQueryClient } from './api/client'
import { meQuery } from './api/queries'
import { App } from './app'
import './i18n'
import { preloadPage } from './router'
import './styles.css'

const root = document.getElementById('root')
if (root === null) throw new Error('index.html has no element with the id root')

// Who is there, and the page: both are on their way while React begins.
const client = newQueryClient()
void client.prefetchQuery(meQuery)
preloadPage(window.location.pathname)

createRoot(root).render(
  <StrictMode>
    <App client={client} />
  </StrictMode>,
)
