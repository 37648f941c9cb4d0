import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    root: import.meta.dirname,
    include: ['**/*.e2e.ts'],
    // Vitest has a BASE_URL of its own and overwrites the one from outside.
    env: { GATEWAY_URL: process.env.BASE_URL ?? '' },
    globalSetup: ['./environment.ts'],
    setupFiles: ['./clean.ts'],
    fileParallelism: false, // one browser at a time is quicker on a small machine
    testTimeout: 120_000,
    hookTimeout: 60_000,
  },
})
