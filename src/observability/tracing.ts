// OpenTelemetry traces of requests and statements, configured by the standard environment variables. Must start before the
// traced modules are loaded. The OpenTelemetry packages are loaded only when tracing is configured.
import { subscribe } from 'node:diagnostics_channel'

type Environment = Readonly<Record<string, string | undefined>>

/** Returns whether an OTLP endpoint or OTEL_TRACES_EXPORTER is set and tracing is not disabled. */
export function wantsTraces(environment: Environment): boolean {
  const {
    OTEL_SDK_DISABLED: disabled,
    OTEL_TRACES_EXPORTER: exporter,
    OTEL_EXPORTER_OTLP_ENDPOINT: endpoint,
    OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: tracesEndpoint,
  } = environment
  if (disabled?.toLowerCase() === 'true' || exporter === 'none') return false
  return [exporter, endpoint, tracesEndpoint].some((value) => value !== undefined && value !== '')
}

/** Returns whether statements get the id of their request's trace as a comment. */
export function wantsComments({ OTEL_SDK_DISABLED: disabled, SQL_COMMENTER: asked }: Environment): boolean {
  return asked === 'true' && disabled?.toLowerCase() !== 'true'
}

let stop = async (): Promise<void> => {}
let comment = (statement: string): string => statement

/**
 * Adds the trace of the current request to a statement, as a comment in sqlcommenter's format. It stands behind the first
 * word: pg_stat_activity shows 1,024 bytes of a statement, and spans are named after the first word.
 * @returns the statement unchanged outside of requests
 */
export function addTraceComment(statement: string): string {
  return comment(statement)
}

/** Sends the remaining spans. Must be called after everything else has stopped. Does nothing without tracing. */
export function stopTracing(): Promise<void> {
  return stop()
}

/** Starts tracing if the environment configures it. */
export async function startTracing(environment: Environment): Promise<void> {
  const exportsSpans = wantsTraces(environment)
  const addsComments = wantsComments(environment)
  if (!exportsSpans && !addsComments) return
  const [
    { context, trace },
    { getRPCMetadata },
    { NodeSDK },
    { HttpInstrumentation },
    { PgInstrumentation },
    { addSqlCommenterComment },
  ] = await Promise.all([
    import('@opentelemetry/api'),
    import('@opentelemetry/core'),
    import('@opentelemetry/sdk-node'),
    import('@opentelemetry/instrumentation-http'),
    import('@opentelemetry/instrumentation-pg'),
    import('@opentelemetry/sql-common'),
  ])
  const sdk = new NodeSDK({
    serviceName: environment.OTEL_SERVICE_NAME || 'interaction-api',
    // metrics are at /metrics, logs on standard error
    metricReaders: [],
    logRecordProcessors: [],
    // comments need spans, which nobody exports
    ...(exportsSpans ? {} : { spanProcessors: [ignoreSpans] }),
    instrumentations: [
      new HttpInstrumentation({
        disableOutgoingRequestInstrumentation: true,
        // a query string may contain a client secret or the id of a customer
        startIncomingSpanHook: () => ({ 'url.query': undefined }),
      }),
      // spans contain SQL text, never parameters; statements outside a request are not traced
      ...(exportsSpans ? [new PgInstrumentation({ requireParentSpan: true, ignoreConnectSpans: true })] : []),
    ],
  })
  sdk.start()
  // names the span after the route that Fastify has found
  subscribe('tracing:fastify.request.handler:start', (message) => {
    const metadata = getRPCMetadata(context.active())
    const route = routeOf(message)
    if (metadata !== undefined && route !== undefined) metadata.route = route
  })
  if (addsComments)
    comment = (statement) => {
      const span = trace.getActiveSpan()
      if (span === undefined) return statement
      return statement.replace(/^\s*\w+/, (word) => addSqlCommenterComment(span, word))
    }
  stop = () => sdk.shutdown()
}

const ignoreSpans = {
  onStart() {},
  onEnd() {},
  forceFlush: async () => {},
  shutdown: async () => {},
}

function routeOf(message: unknown): string | undefined {
  const { route } = message as { route?: { url?: string } }
  return route?.url
}
