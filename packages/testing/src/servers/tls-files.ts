import { execFile } from 'node:child_process'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'

/** A certificate authority of one's own and a certificate for 127.0.0.1 and localhost, valid for a day. */
export interface TlsFiles {
  /** PEM text of the authority's certificate; what a client must trust. */
  readonly ca: string
  readonly cert: string
  readonly key: string
  readonly caPath: string
  readonly certPath: string
  readonly keyPath: string
}

const run = promisify(execFile)

/** Makes the files in `folder`, with the program `openssl`. */
export async function makeTlsFiles(folder: string): Promise<TlsFiles> {
  const path = (name: string): string => join(folder, name)
  const openssl = (...args: string[]): Promise<unknown> => run('openssl', args, { cwd: folder })
  const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']
  const authority = ['-x509', '-days', '1', '-subj', '/CN=test authority']
  await openssl('req', ...newKey, ...authority, '-keyout', 'ca.key', '-out', 'ca.crt')
  await openssl('req', ...newKey, '-subj', '/CN=localhost', '-keyout', 'tls.key', '-out', 'tls.csr')
  await writeFile(path('names.ext'), 'subjectAltName=IP:127.0.0.1,DNS:localhost\n')
  const signer = ['-CA', 'ca.crt', '-CAkey', 'ca.key', '-CAcreateserial', '-extfile', 'names.ext']
  await openssl('x509', '-req', '-in', 'tls.csr', '-days', '1', ...signer, '-out', 'tls.crt')
  const [ca, cert, key] = await Promise.all(
    ['ca.crt', 'tls.crt', 'tls.key'].map((name) => readFile(path(name), 'utf8')),
  )
  return {
    ca: ca as string,
    cert: cert as string,
    key: key as string,
    caPath: path('ca.crt'),
    certPath: path('tls.crt'),
    keyPath: path('tls.key'),
  }
}
