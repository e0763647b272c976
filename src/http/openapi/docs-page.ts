// The page at /docs, which shows the OpenAPI document and calls the service.
import { readFile } from 'node:fs/promises'
import swaggerUi from '@fastify/swagger-ui'
import type { FastifyInstance } from 'fastify'
import { packageFile } from '../../config/package-file.ts'
import { refuseOtherMethods } from '../errors.ts'
import { fillInClient } from './docs-client.ts'
import { followColorScheme, icon, styles } from './docs-theme.ts'

/** The page loads its own files only, runs no inline script, and calls no other server. */
const pagePolicy = {
  'default-src': "'none'",
  'script-src': "'self'",
  'style-src': "'self'",
  'img-src': "'self' data:",
  'connect-src': "'self'",
  'base-uri': "'none'",
  'form-action': "'none'",
  'frame-ancestors': "'none'",
}

/** Without it, phones lay the page out for a desktop screen. */
const viewport = '<meta name="viewport" content="width=device-width, initial-scale=1">'

/** Pages of the repository that callers and operators need. They are served as the text that they are. */
const guides = {
  integrators: 'Integration guide',
  operators: 'Operations guide',
  commands: 'Commands',
} as const

const introduction = (authorizing: string, root: string) =>
  '### On this page\n\n' +
  `1. ${authorizing}\n` +
  '2. Open an operation, press **Try it out**, then **Execute**. The examples work unchanged, from top to bottom. They use one interaction.\n' +
  '3. Creating it again fails with 409 until you change or remove `interactionId`. Updating it again fails with 409 until `version` is the one that you read last.\n\n' +
  `### Guides\n\n${Object.entries(guides)
    .map(([name, title]) => `[${title}](${root}/docs/guides/${name}.md)`)
    .join(' · ')}`

const withClient =
  'Press **Authorize**, then **Authorize** in the form below *OAuth2ClientCredentials*. The link to this page that the service prints when it starts with demo clients fills in that form. Without the link, enter the id and the secret of a client there, and in the form of the first operation.'

const withToken = 'Press **Authorize** and enter a token of the identity provider.'

export interface DocsPageOptions {
  /** whether the service issues tokens itself */
  readonly grantsTokens: boolean
  /** the path at which clients reach the service; no slash at the end */
  readonly root: string
}

/** Registers the page. The OpenAPI document must be registered before. */
export async function registerDocsPage(
  docs: FastifyInstance,
  { grantsTokens, root }: DocsPageOptions,
): Promise<void> {
  const authorizing = grantsTokens ? withClient : withToken
  for (const name of Object.keys(guides)) {
    const url = `/docs/guides/${name}.md`
    const file = packageFile('docs', `${name}.md`)
    docs.get(url, { schema: { hide: true } }, async (_request, reply) =>
      // Browsers download text/markdown instead of showing it.
      reply.type('text/plain; charset=utf-8').send(await readFile(file)),
    )
    refuseOtherMethods(docs, url, ['GET'])
  }
  docs.addHook('onSend', (_request, reply, payload, done) => {
    const isPage = typeof payload === 'string' && `${reply.getHeader('content-type')}`.startsWith('text/html')
    done(null, isPage ? payload.replace('<head>', `<head>\n${viewport}`) : payload)
  })
  await docs.register(swaggerUi, {
    routePrefix: '/docs',
    // relative, so that the page works behind a proxy that adds a path
    indexPrefix: '.',
    staticCSP: pagePolicy,
    transformSpecification: (document) => {
      document.info.description += `\n\n${introduction(authorizing, root)}`
      delete document.components.securitySchemes.ClientBasic
      adaptForPage(document.paths)
      return document
    },
    uiConfig: {
      // without the top bar, which loads other documents
      layout: 'BaseLayout',
      defaultModelsExpandDepth: 0,
      displayRequestDuration: true,
      operationsSorter: byTask,
      requestInterceptor: withoutDialog,
      plugins: [fillInClient],
    },
    theme: {
      title: 'Interaction API',
      css: [{ filename: 'styles.css', content: styles }],
      js: [{ filename: 'color-scheme.js', content: followColorScheme }],
      favicon: [{ filename: 'icon.svg', rel: 'icon', type: 'image/svg+xml', sizes: 'any', content: icon }],
    },
  })
}

interface Parameter {
  description: string
  example?: unknown
  readonly required: boolean
}

interface Operation {
  readonly parameters?: readonly Parameter[]
  security?: readonly object[]
}

type Paths = Readonly<Record<string, Readonly<Record<string, Operation>>>>

/**
 * Moves the examples of filters into their descriptions: the page fills in examples, and a search with all filters finds
 * nothing. Removes the Basic scheme of clients: the page has their credentials through the OAuth2 scheme.
 */
function adaptForPage(paths: Paths): void {
  for (const operation of Object.values(paths).flatMap((path) => Object.values(path))) {
    operation.security &&= operation.security.filter((scheme) => !('ClientBasic' in scheme))
    for (const parameter of operation.parameters ?? []) {
      if (parameter.required || parameter.example === undefined) continue
      parameter.description += ` For example \`${parameter.example}\`.`
      delete parameter.example
    }
  }
}

/** Sorts operations in the order of use. Runs in the browser, so it must not refer to anything outside. */
function byTask(one: unknown, other: unknown): number {
  const order = ['createInteraction', 'getInteraction', 'updateInteraction', 'listInteractions']
  const rank = (shown: unknown) => order.indexOf(JSON.parse(JSON.stringify(shown)).operation.operationId)
  return rank(one) - rank(other)
}

/**
 * Omits the browser's own credentials: with them, it opens a login dialog on `WWW-Authenticate: Basic`, instead of letting the
 * page show the error. Runs in the browser too.
 */
function withoutDialog(request: { loadSpec?: boolean; credentials?: string }) {
  if (!request.loadSpec) request.credentials = 'omit'
  return request
}
