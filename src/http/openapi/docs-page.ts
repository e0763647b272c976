// The page at /docs, which shows the OpenAPI document and calls the service. All of it stays within its own scope.
import swaggerUi from '@fastify/swagger-ui'
import type { FastifyInstance } from 'fastify'
import { followColorScheme, icon, styles } from './docs-theme.ts'

/** The page loads nothing but its own files, runs no script that stands in it, and calls no other server. */
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

/** Without it, a phone shows the page as wide as a desk's screen. */
const viewport = '<meta name="viewport" content="width=device-width, initial-scale=1">'

const guide = (authorizing: string) =>
  '### On this page\n\n' +
  `1. Press **Authorize** and give ${authorizing}.\n` +
  '2. Open a call, press **Try it out**, then **Execute**. The examples work as they stand, from the top down: all are about one interaction.\n' +
  '3. Create it again, and it is refused (409) until `interactionId` is another, or left out. Update it again, and it is refused (409) until `version` is what you read last.'

/**
 * Expects the OpenAPI document to be registered.
 * @param grantsTokens whether the service grants tokens itself
 */
export async function registerDocsPage(
  docs: FastifyInstance,
  { grantsTokens }: { grantsTokens: boolean },
): Promise<void> {
  const authorizing = grantsTokens
    ? 'the id and the secret of a client, such as `npm start` prints'
    : 'a token of the identity provider'
  docs.addHook('onSend', (_request, reply, payload, done) => {
    const isPage = typeof payload === 'string' && `${reply.getHeader('content-type')}`.startsWith('text/html')
    done(null, isPage ? payload.replace('<head>', `<head>\n${viewport}`) : payload)
  })
  await docs.register(swaggerUi, {
    routePrefix: '/docs',
    // relative, so that its files are found behind a proxy that adds a path
    indexPrefix: '.',
    staticCSP: pagePolicy,
    transformSpecification: (document) => {
      document.info.description += `\n\n${guide(authorizing)}`
      delete document.components.securitySchemes.ClientBasic
      makeReady(document.paths)
      return document
    },
    uiConfig: {
      // without the bar on top, which asks for the URL of a document
      layout: 'BaseLayout',
      defaultModelsExpandDepth: 0,
      displayRequestDuration: true,
      operationsSorter: byTask,
      requestInterceptor: withoutDialog,
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
 * Moves examples of filters into what is said about them: the page fills examples in, and with these would find
 * nothing. And takes the clients' own scheme out, since the page knows their credentials by the OAuth2 scheme.
 */
function makeReady(paths: Paths): void {
  for (const operation of Object.values(paths).flatMap((path) => Object.values(path))) {
    operation.security &&= operation.security.filter((scheme) => !('ClientBasic' in scheme))
    for (const parameter of operation.parameters ?? []) {
      if (parameter.required || parameter.example === undefined) continue
      parameter.description += ` Such as \`${parameter.example}\`.`
      delete parameter.example
    }
  }
}

/** Written into a script of the page, so it refers to nothing else. */
function byTask(one: unknown, other: unknown): number {
  const order = ['createInteraction', 'getInteraction', 'updateInteraction', 'listInteractions']
  const rank = (shown: unknown) => order.indexOf(JSON.parse(JSON.stringify(shown)).operation.operationId)
  return rank(one) - rank(other)
}

/**
 * Keeps the browser from adding credentials of its own: it would answer a refusal with `WWW-Authenticate: Basic` by a
 * dialog of its own, where the page is to show what was refused. Written into a script, too.
 */
function withoutDialog(request: { loadSpec?: boolean; credentials?: string }) {
  if (!request.loadSpec) request.credentials = 'omit'
  return request
}
