// OpenTelemetry traces of requests and statements, by the standard environment variables. Started before anything that
// is traced is loaded; its packages are loaded when those variables ask for it, and else not at all.
import { subscribe } from 'node:diagnostics_channel'

type Environment = Readonly<Record<string, string | undefined>>

/** Whether the environment says where traces go (an OTLP endpoint, or OTEL_TRACES_EXPORTER), and does not forbid it. */
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

/** Sends what is left. To be called when everything else has ended; does nothing when traces were not started. */
export function stopTracing(): Promise<void> {
  return stop()
}

/** Starts traces when the environment wants them. */
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
    // these are at /metrics and on standard error
    metricReaders: [],
    logRecordProcessors: [],
    instrumentations: [
      new HttpInstrumentation({
        disableOutgoingRequestInstrumentation: true,
        // a query may hold a client's secret, or whom a search is after
        startIncomingSpanHook: () => ({ 'url.query': undefined }),
      }),
      // texts of statements, and never their parameters; what the service does by itself is no request's
      new PgInstrumentation({ requireParentSpan: true, ignoreConnectSpans: true }),
    ],
  })
  sdk.start()
  // Fastify tells which route it has found, and the span takes its name from it
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
