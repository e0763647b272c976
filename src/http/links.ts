// Links between the pages of a list (RFC 8288).

/**
 * The length limit of four links, in characters: many proxies accept 4 KiB of response headers. It is checked for four links
 * on every page, so that either all pages have links or none.
 */
const maxLength = 3072

/**
 * Returns the value of the Link header: first, prev, next and last, with the parameters of the request.
 * @param target the path or URL before the query
 * @param url the URL of the request, unchanged
 * @param page the requested page, from 0
 * @param pages the number of pages
 * @returns undefined when the query is too long
 */
export function pageLinks(target: string, url: string, page: number, pages: number): string | undefined {
  const rest = otherParameters(url)
  if (4 * (target.length + rest.length) > maxLength) return undefined
  const last = Math.max(pages - 1, 0)
  const link = (relation: string, number: number) => `<${target}?page=${number}${rest}>; rel="${relation}"`
  const previous = page > 0 ? `${link('prev', Math.min(page - 1, last))}, ` : ''
  const next = page < last ? `${link('next', page + 1)}, ` : ''
  return `${link('first', 0)}, ${previous}${next}${link('last', last)}`
}

/**
 * Returns the query without `page`. A percent-encoded name (`p%61ge`) stays: the link's own `page` comes first and wins.
 * Characters that a URL cannot contain are encoded, so that a client cannot end the link.
 */
function otherParameters(url: string): string {
  const start = url.search(/[?#]/)
  if (start === -1) return ''
  const query = `&${url.slice(start + 1)}`.replaceAll(/&page(?:=[^&]*)?(?=&|$)/g, '')
  return query.replaceAll(/[^\w\-.~%!$&'()*+,;=:@/?]+/g, encodeURIComponent)
}
