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

let stop = async (): Promise<void> => {}

/** Sends the remaining spans. Must be called after everything else has stopped. Does nothing without tracing. */
export function stopTracing(): Promise<void> {
  return stop()
}

/** Starts tracing if the environment configures it. */
export async function startTracing(environment: Environment): Promise<void> {
  if (!wantsTraces(environment)) return
  const [{ context }, { getRPCMetadata }, { NodeSDK }, { HttpInstrumentation }, { PgInstrumentation }] =
    await Promise.all([
      import('@opentelemetry/api'),
      import('@opentelemetry/core'),
      import('@opentelemetry/sdk-node'),
      import('@opentelemetry/instrumentation-http'),
      import('@opentelemetry/instrumentation-pg'),
    ])
  const sdk = new NodeSDK({
    serviceName: environment.OTEL_SERVICE_NAME || 'interaction-api',
    // metrics are at /metrics, logs on standard error
    metricReaders: [],
    logRecordProcessors: [],
    instrumentations: [
      new HttpInstrumentation({
        disableOutgoingRequestInstrumentation: true,
        // a query string may contain a client secret or the id of a customer
        startIncomingSpanHook: () => ({ 'url.query': undefined }),
      }),
      // spans contain SQL text, never parameters; statements outside a request are not traced
      new PgInstrumentation({ requireParentSpan: true, ignoreConnectSpans: true }),
    ],
  })
  sdk.start()
  // names the span after the route that Fastify has found
  subscribe('tracing:fastify.request.handler:start', (message) => {
    const metadata = getRPCMetadata(context.active())
    const route = routeOf(message)
    if (metadata !== undefined && route !== undefined) metadata.route = route
  })
  stop = () => sdk.shutdown()
}

function routeOf(message: unknown): string | undefined {
  const { route } = message as { route?: { url?: string } }
  return route?.url
}
