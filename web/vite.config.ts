import optimizeLocales from '@react-aria/optimize-locales-plugin'
import tailwindcss from '@tailwindcss/vite'
import react from '@vitejs/plugin-react'
import { defineConfig } from 'vitest/config'

const gateway = process.env.GATEWAY ?? 'http://localhost:5100'

export default defineConfig({
  plugins: [
    react(),
    tailwindcss(),
    // The component library brings its own words in thirty languages.
    { ...optimizeLocales.vite({ locales: ['en-US', 'zh-CN'] }), enforce: 'pre' },
  ],
  server: {
    // Same host name on both sides: the gateway refuses cookie writes from elsewhere.
    proxy: Object.fromEntries(['/api', '/v1', '/auth'].map((path) => [path, { target: gateway }])),
  },
  build: {
    assetsInlineLimit: 0, // the content security policy allows no data: URLs for scripts and fonts
    modulePreload: { polyfill: false },
    reportCompressedSize: false, // scripts/compress.js prints what goes over the wire
    chunkSizeWarningLimit: 800,
  },
  test: {
    include: ['src/**/*.test.{ts,tsx}'],
    environment: 'jsdom',
    setupFiles: ['src/testing/setup.ts'],
    restoreMocks: true,
    testTimeout: 30_000, // a page is compiled when a test opens it first
  },
})
