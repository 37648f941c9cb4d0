// Writes .gz and .br files beside what the build made, for a server that hands
// out precompressed files. Small files and media stay as they are.
import { readFile, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { brotliCompressSync, constants, gzipSync } from 'node:zlib'

const dist = new URL('../dist/', import.meta.url).pathname
const minimum = 1024

for (const entry of await readdir(dist, { recursive: true, withFileTypes: true })) {
  if (!entry.isFile() || !/\.(js|css|html|svg|json)$/.test(entry.name)) continue
  const file = join(entry.parentPath, entry.name)
  const content = await readFile(file)
  if (content.length < minimum) continue
  const brotli = brotliCompressSync(content, {
    params: { [constants.BROTLI_PARAM_SIZE_HINT]: content.length },
  })
  const gzip = gzipSync(content, { level: 9 })
  await Promise.all([writeFile(`${file}.br`, brotli), writeFile(`${file}.gz`, gzip)])
  const kB = (size) => `${(size / 1000).toFixed(1)} kB`
  console.log(`${file.slice(dist.length).padEnd(36)} ${kB(content.length)}, br ${kB(brotli.length)}`)
}
