// Makes the API reference, as HTML, from the docstrings of all packages. What a reader would miss in it is an error: exports
// without a word, links to nowhere, and types that are named but cannot be looked up.
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Application, Comment, Converter, ReflectionKind } from 'typedoc'
import ts from 'typescript'

const root = join(import.meta.dirname, '..', '..')
const out = join(import.meta.dirname, 'dist')

/** Types that only compute others, by package: what they come to is shown where they are used. */
const COMPUTING = { hitbox: ['Call', 'FirstOf', 'Many', 'Takes'] }

const EXPORTED =
  ReflectionKind.Variable |
  ReflectionKind.Function |
  ReflectionKind.Class |
  ReflectionKind.Interface |
  ReflectionKind.TypeAlias |
  ReflectionKind.Enum
const CALLED = ReflectionKind.Method | ReflectionKind.Accessor

const packages = readdirSync(join(root, 'packages')).map((folder) => ({
  folder: join(root, 'packages', folder),
  ...JSON.parse(readFileSync(join(root, 'packages', folder, 'package.json'), 'utf8')),
}))
const modules = packages.flatMap(({ folder, name, description, exports }) =>
  Object.entries(exports)
    .filter(([, target]) => '@hitbox/source' in Object(target))
    .map(([subpath, target]) => ({
      name: name + subpath.slice(1),
      file: join(folder, target['@hitbox/source']),
      description,
    })),
)

const program = compile(modules.map(({ file }) => file))
const [{ repository }] = packages
const app = await Application.bootstrap({
  name: 'Hitbox for TypeScript',
  basePath: root,
  entryPoints: modules.map(({ file }) => file),
  readme: 'none',
  disableGit: true,
  sourceLinkTemplate: `${repository.url.replace(/^git\+|\.git$/g, '')}/blob/main/{path}#L{line}`,
  hideGenerator: true,
})
app.converter.on(Converter.EVENT_RESOLVE_END, linkAcross, -1_000)
const project = app.converter.convert(
  modules.map(({ name, file }) => ({
    displayName: name,
    program,
    sourceFile: program.getSourceFile(file),
  })),
)
introduce(project)

check()
if (!app.logger.hasErrors() && !app.logger.hasWarnings()) {
  await app.generateDocs(project, out)
}
if (app.logger.hasErrors() || app.logger.hasWarnings()) process.exitCode = 1

/** The sources as they are, not what was built of them. */
function compile(files) {
  const { config } = ts.readConfigFile(join(root, 'tsconfig.base.json'), (file) =>
    ts.sys.readFile(file),
  )
  const { options } = ts.parseJsonConfigFileContent({ ...config, files }, ts.sys, root)
  const emitted = ts.createProgram(files, {
    ...options,
    composite: false,
    declaration: true,
    declarationMap: false,
    noEmit: true,
    sourceMap: false,
  })
  const faults = ts.getPreEmitDiagnostics(emitted)
  if (faults.length > 0) {
    const host = {
      getCanonicalFileName: (file) => file,
      getCurrentDirectory: () => root,
      getNewLine: () => '\n',
    }
    console.error(ts.formatDiagnostics(faults, host))
    process.exit(1)
  }
  return emitted
}

/** Each package says what it is, on its own page and on the first one, where what most readers look for comes first. */
function introduce({ children }) {
  const facadeFirst = (a, b) => Number(b.name === 'hitbox') - Number(a.name === 'hitbox')
  project.readme = children.toSorted(facadeFirst).flatMap((module) => {
    const { description } = modules.find(({ name }) => name === module.name)
    module.comment = new Comment([{ kind: 'text', text: description }])
    const link = { kind: 'inline-tag', tag: '@link', text: module.name, target: module }
    return [{ kind: 'text', text: '\n- ' }, link, { kind: 'text', text: `: ${description}` }]
  })
}

/** A file need not import what its comments only mention: an exported name that is one of its kind is found in other packages. */
function linkAcross({ project: { children, reflections } }) {
  const byName = new Map()
  for (const { children: exported = [] } of children) {
    for (const reflection of exported) {
      if (reflection.kind === ReflectionKind.Reference) continue
      byName.set(reflection.name, byName.has(reflection.name) ? undefined : reflection)
    }
  }
  for (const { comment } of Object.values(reflections)) {
    const texts = [comment?.summary, ...(comment?.blockTags ?? []).map(({ content }) => content)]
    for (const part of texts.flatMap((text) => text ?? [])) {
      if (part.kind === 'inline-tag' && part.target === undefined) {
        part.target = byName.get(part.text.trim())
      }
    }
  }
}

function check() {
  const checks = { invalidLink: true, invalidPath: true, rewrittenLink: true, notExported: false }
  app.options.setValue('validation', checks)
  app.validate(project)
  // Of a project with several packages typedoc looks only at the types of the one it is named after.
  app.options.setValue('validation', { invalidLink: false, invalidPath: false, notExported: true })
  for (const { name } of packages) {
    project.packageName = name
    app.options.setValue('intentionallyNotExported', COMPUTING[name] ?? [])
    app.validate(project)
  }
  delete project.packageName
  for (const reflection of Object.values(project.reflections)) {
    if (needsWords(reflection) && !hasWords(reflection)) {
      app.logger.warn(`${reflection.getFriendlyFullName()} is not documented`)
    }
  }
}

/**
 * Whatever is exported, every way to call it, and every option: there is a default or a unit to tell. Other properties say most of what
 * there is by name and type, and a sentence that repeats them hides those with news.
 */
function needsWords(reflection) {
  const { packageName } = project.getSymbolIdFromReflection(reflection) ?? {}
  if (!packages.some(({ name }) => name === packageName)) return false
  const { parent } = reflection
  if (reflection.kindOf(EXPORTED)) return parent?.kindOf(ReflectionKind.Module) === true
  if (!parent?.kindOf(ReflectionKind.ClassOrInterface)) return false
  if (reflection.kindOf(CALLED)) return true
  return reflection.kindOf(ReflectionKind.Property) && parent.name.endsWith('Options')
}

function hasWords(reflection) {
  const { signatures = [], getSignature } = reflection
  return [reflection, getSignature, ...signatures].some((part) => part?.hasComment())
}
