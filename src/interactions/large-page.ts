// A page whose data is too large to hold at once: its text in pieces, loaded as the caller reads them.
import { type InteractionRow, interactionJson, maximumLoadBytes } from './sql/rows.ts'
import type { UnloadedInteraction } from './sql/search.ts'

/** Yields the text of a page with the text before and after its interactions. */
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
 * Yields the interactions of a page, separated by commas, in pieces of about 4 MiB. One that was removed in the meantime
 * is left out; one that was updated appears in its new state.
 * @param load returns the interactions with the given ids, in their order
 */
export async function* loadInPieces(
  interactions: readonly UnloadedInteraction[],
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

function* pieces(interactions: readonly UnloadedInteraction[]): Generator<readonly UnloadedInteraction[]> {
  let piece: UnloadedInteraction[] = []
  let bytes = 0
  for (const interaction of interactions) {
    if (piece.length > 0 && bytes + interaction.bytes > maximumLoadBytes) {
      yield piece
      piece = []
      bytes = 0
    }
    piece.push(interaction)
    bytes += interaction.bytes
  }
  if (piece.length > 0) yield piece
}
