// Type-checks every ```ts block of READMEs, docs and TSDoc, as its reader would have it in a file of his own.
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { succeeds } from './step.mjs'

const BLOCK = /^([ \t]*(?:\* ?)?)```ts\n([\s\S]*?)^\1```/gm

export function checkDocExamples(root) {
  const out = join(root, '.cache', 'doc-examples')
  rmSync(out, { recursive: true, force: true })
  mkdirSync(out, { recursive: true })
  const names = readdirSync(join(root, 'packages'))
  const packages = names.map((folder) => ({
    folder,
    ...JSON.parse(readFileSync(join(root, 'packages', folder, 'package.json'), 'utf8')),
  }))
  let count = 0
  for (const file of sources(root)) {
    for (const [, margin, body] of readFileSync(file, 'utf8').matchAll(BLOCK)) {
      const code = body
        .split('\n')
        .map((line) =>
          line.startsWith(margin)
            ? line.slice(margin.length)
            : line.trimStart().replace(/^\* ?/, ''),
        )
        .join('\n')
      count += 1
      const from = relative(root, file)
      const name = `${String(count).padStart(3, '0')}-${from.replace(/[^A-Za-z0-9]+/g, '-')}.ts`
      // Each block is a module, so that two examples may use one name.
      writeFileSync(join(out, name), `// ${from}\n${code}\nexport {}\n`)
    }
  }
  const paths = {}
  for (const { folder, name, exports } of packages) {
    for (const [subpath, target] of Object.entries(exports)) {
      const source = target['@hitbox/source']
      if (source) paths[name + subpath.slice(1)] = [join('..', '..', 'packages', folder, source)]
    }
    for (const dependency of Object.keys({
      ...packages.find((p) => p.folder === folder).dependencies,
    })) {
      if (!dependency.startsWith('@hitbox/')) {
        paths[dependency] ??= [join('..', '..', 'packages', folder, 'node_modules', dependency)]
      }
    }
  }
  const config = {
    extends: '../../tsconfig.base.json',
    compilerOptions: {
      composite: false,
      noEmit: true,
      declarationMap: false,
      sourceMap: false,
      rewriteRelativeImportExtensions: false,
      allowImportingTsExtensions: true,
      isolatedDeclarations: false,
      noUnusedLocals: false,
      paths,
    },
    include: ['*.ts'],
  }
  writeFileSync(join(out, 'tsconfig.json'), JSON.stringify(config, null, 2))
  console.log(`       ${count} examples`)
  return count > 0 && succeeds('tsc', ['-p', out])
}

function sources(root) {
  const found = [join(root, 'README.md')]
  const walk = (folder, wanted) => {
    for (const entry of readdirSync(folder, { withFileTypes: true })) {
      const path = join(folder, entry.name)
      if (entry.isDirectory() && !/^(?:node_modules|dist|test|bench)$/.test(entry.name))
        walk(path, wanted)
      else if (entry.isFile() && wanted.test(entry.name)) found.push(path)
    }
  }
  walk(join(root, 'packages'), /(?:^README\.md|(?<!\.d)\.ts)$/)
  walk(join(root, 'docs'), /\.md$/)
  walk(join(root, 'examples'), /^README\.md$/)
  return found
}
