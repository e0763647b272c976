// A page whose data are too large to hold at once: its text in pieces, loaded as the caller takes them.
import { type InteractionRow, interactionJson, largestLoad } from './sql/rows.ts'
import type { StoredInteraction } from './sql/search.ts'

/** The text of a page, with what stands before and behind its interactions. */
export async function* around(
  head: string,
  pieces: AsyncIterable<string>,
  tail: string,
): AsyncGenerator<string> {
  yield head
  yield* pieces
  yield tail
}

/**
 * The interactions of a page, separated by commas, in pieces of about `largestLoad`. One that is gone meanwhile is
 * left out; one that was updated meanwhile is given as it is then.
 * @param load the interactions of these ids, in their order
 */
export async function* loadInPieces(
  interactions: readonly StoredInteraction[],
  load: (ids: readonly string[]) => Promise<readonly (InteractionRow | undefined)[]>,
): AsyncGenerator<string> {
  let separator = ''
  for (const piece of pieces(interactions)) {
    const loaded = await load(piece.map(({ id }) => id))
    const texts = loaded.flatMap((row) => (row === undefined ? [] : [interactionJson(row)]))
    if (texts.length === 0) continue
    yield separator + texts.join(',')
    separator = ','
  }
}

function* pieces(interactions: readonly StoredInteraction[]): Generator<readonly StoredInteraction[]> {
  let piece: StoredInteraction[] = []
  let bytes = 0
  for (const interaction of interactions) {
    if (piece.length > 0 && bytes + interaction.bytes > largestLoad) {
      yield piece
      piece = []
      bytes = 0
    }
    piece.push(interaction)
    bytes += interaction.bytes
  }
  if (piece.length > 0) yield piece
}
