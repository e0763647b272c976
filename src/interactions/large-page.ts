// A page whose data is too large to hold at once: its text in pieces, loaded as the caller reads them.
import { type InteractionRow, interactionJson, pieceBytes } from './sql/rows.ts'
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
 * Yields the interactions of a page, separated by commas, in pieces of about 512 KiB. One that was removed in the meantime
 * is left out; one that was updated appears in its new state.
 * @param load returns the interactions with the given ids, in their order
 */
export async function* loadInPieces(
  interactions: readonly UnloadedInteraction[],
  load: (ids: readonly string[]) => Promise<readonly (InteractionRow | undefined)[]>,
): AsyncGenerator<string> {
  let separator = ''
  for (const piece of pieces(interactions)) {
    // the rows themselves must not stay in memory while their text waits to be read
    const text = toJson(await load(piece.map(({ id }) => id)))
    if (text === '') continue
    yield separator + text
    separator = ','
  }
}

/** Returns about how much of a page is in memory while it waits to be read, in bytes: a piece, its rows, and its text. */
export function heldPageBytes(interactions: readonly UnloadedInteraction[]): number {
  return 3 * interactions.reduce((largest, { bytes }) => Math.max(largest, bytes), pieceBytes)
}

function toJson(rows: readonly (InteractionRow | undefined)[]): string {
  return rows.flatMap((row) => (row === undefined ? [] : [interactionJson(row)])).join(',')
}

function* pieces(interactions: readonly UnloadedInteraction[]): Generator<readonly UnloadedInteraction[]> {
  let piece: UnloadedInteraction[] = []
  let bytes = 0
  for (const interaction of interactions) {
    if (piece.length > 0 && bytes + interaction.bytes > pieceBytes) {
      yield piece
      piece = []
      bytes = 0
    }
    piece.push(interaction)
    bytes += interaction.bytes
  }
  if (piece.length > 0) yield piece
}
