// Links from one page of a list to others (RFC 8288).

/**
 * How long four of them may be together, in characters: many a proxy has 4 KiB for all headers of a reply. Whether they
 * are is the same on each page, so that a walk along the links does not end before the last one.
 */
const longest = 3072

/**
 * The value of the header Link: first, prev, next and last, with the parameters of the request.
 * @param target what stands before the query: a path, or a URL
 * @param url the request's own, as it came
 * @param page which page it asked for, counted from 0
 * @param pages how many there are
 * @returns undefined when the query is too long for it
 */
export function pageLinks(target: string, url: string, page: number, pages: number): string | undefined {
  const rest = otherParameters(url)
  if (4 * (target.length + rest.length) > longest) return undefined
  const last = Math.max(pages - 1, 0)
  const link = (relation: string, number: number) => `<${target}?page=${number}${rest}>; rel="${relation}"`
  const previous = page > 0 ? `${link('prev', Math.min(page - 1, last))}, ` : ''
  const next = page < last ? `${link('next', page + 1)}, ` : ''
  return `${link('first', 0)}, ${previous}${next}${link('last', last)}`
}

/**
 * The parameters without `page`. Of one that is spelt otherwise (`p%61ge`) the first counts, which is that of the link.
 * What may not stand in a URL is encoded, so that nothing that a caller sends ends the link.
 */
function otherParameters(url: string): string {
  const start = url.search(/[?#]/)
  if (start === -1) return ''
  const query = `&${url.slice(start + 1)}`.replaceAll(/&page(?:=[^&]*)?(?=&|$)/g, '')
  return query.replaceAll(/[^\w\-.~%!$&'()*+,;=:@/?]+/g, encodeURIComponent)
}
