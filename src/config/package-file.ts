// Finds the files that the package has beside its code.
import { existsSync } from 'node:fs'
import path from 'node:path'

const root = findRoot(import.meta.dirname)

/** Returns the path of a file or folder of the package: src/ and dist/ have different depths. */
export function packageFile(...names: readonly string[]): string {
  return path.join(root, ...names)
}

function findRoot(folder: string): string {
  return existsSync(path.join(folder, 'package.json')) ? folder : findRoot(path.dirname(folder))
}
