// A client that the address of the page at /docs names after `#`. Browsers do not send this part, so the secret reaches no
// server, proxy or log, and the service needs not decide who may see it (docs/decisions/0029).

// of the browser
declare const location: { readonly hash: string }
declare const history: { replaceState(state: null, unused: '', url: string): void }
declare const sessionStorage: {
  getItem(key: string): string | null
  setItem(key: string, value: string): void
}

/** Returns the end of the page's address that fills in a client, whose id and secret have letters, digits, `_` and `-` only. */
export function clientFragment({
  clientId,
  clientSecret,
}: {
  clientId: string
  clientSecret: string
}): string {
  return `#client=${clientId}:${clientSecret}`
}

interface Actions {
  readonly authActions: { configureAuth(client: object): void }
}

interface PageDocument {
  readonly components?: { readonly schemas?: Readonly<Record<string, FormSchema | undefined>> }
}

interface FormSchema {
  readonly properties?: Readonly<Record<string, { examples?: readonly string[] } | undefined>>
}

/**
 * A plugin of Swagger UI that fills the client into the form for authorization and into that of the token endpoint. Removes it
 * from the address, and remembers it until the tab is closed. Runs in the browser, so it must not refer to anything outside.
 */
export function fillInClient() {
  const [given, clientId, clientSecret] = /^#client=([\w-]+):([\w-]+)$/.exec(location.hash) ?? []
  if (given !== undefined) {
    sessionStorage.setItem('client', JSON.stringify({ clientId, clientSecret }))
    history.replaceState(null, '', '#')
  }
  const remembered = sessionStorage.getItem('client')
  if (remembered === null) return {}
  const client = JSON.parse(remembered)
  const onDocument =
    (show: (document: PageDocument) => unknown, { authActions }: Actions) =>
    (document: PageDocument) => {
      const form = document.components?.schemas?.TokenRequest?.properties
      if (form?.client_id) form.client_id.examples = [client.clientId]
      if (form?.client_secret) form.client_secret.examples = [client.clientSecret]
      authActions.configureAuth(client)
      return show(document)
    }
  return { statePlugins: { spec: { wrapActions: { updateJsonSpec: onDocument } } } }
}
