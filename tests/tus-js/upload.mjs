// Sends a file as a browser would, is cut off after the first chunk, forgets everything but the address, and goes on.
//
// node upload.mjs ENDPOINT TOKEN PHOTO_ID SHA256 FILE
import { createReadStream, statSync } from 'node:fs'
import * as tus from 'tus-js-client'

const [endpoint, token, photo_id, sha256, file] = process.argv.slice(2)
const size = statSync(file).size
const common = {
  endpoint,
  headers: { authorization: `Bearer ${token}` },
  metadata: { photo_id, sha256, filename: '../../etc/passwd' },
  uploadSize: size,
  chunkSize: Math.ceil(size / 5),
  retryDelays: [0, 50, 100],
}

const cut = await new Promise((resolve, reject) => {
  const upload = new tus.Upload(createReadStream(file), {
    ...common,
    onError: reject,
    onSuccess: () => reject(new Error('it was not cut')),
    onChunkComplete: (_, accepted) => {
      upload.abort()
      resolve({ url: upload.url, accepted })
    },
  })
  upload.start()
})

await new Promise((resolve, reject) => {
  const upload = new tus.Upload(createReadStream(file), {
    ...common,
    uploadUrl: cut.url,
    onError: reject,
    onSuccess: resolve,
  })
  upload.start()
})
console.log(JSON.stringify({ cut: cut.accepted, size }))
