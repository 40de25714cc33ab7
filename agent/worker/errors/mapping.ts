import { readFileSync } from 'node:fs';
import { originalPositionFor, TraceMap } from '@jridgewell/trace-mapping';
import type { Frame } from '../../../protocol/tasks/error.ts';
import type { RawFrame } from './stack.ts';

/** Where the code of a running attempt came from. */
export interface CodePlaces {
  /** URL of the bundle's file on this host. */
  bundle: string;
  /** URL of the folder of Runabout's own programs: its frames are of no use to anybody. */
  own: string;
}

/** How the bundle is called where no source map names the user's file. */
const BUNDLE_NAME = 'bundle.mjs';
const MAX_FRAMES = 100;

/**
 * Frames as the user knows them: places in the bundle become places in the user's files, with the bundle's place kept
 * beside. Everything below the first frame of Runabout's own is dropped, and Node's internals at the tail.
 */
export function mapFrames(frames: readonly RawFrame[], places: CodePlaces, map: TraceMap | undefined): Frame[] {
  const ours = frames.findIndex(frame => frame.file.startsWith(places.own));
  const kept = ours < 0 ? [...frames] : frames.slice(0, ours);
  while (kept.at(-1)?.file.startsWith('node:')) kept.pop();
  return kept.slice(0, MAX_FRAMES).map(frame => mapFrame(frame, places, map));
}

function mapFrame({ name, file, line, column }: RawFrame, places: CodePlaces, map: TraceMap | undefined): Frame {
  const shown = name.slice(0, 512);
  if (file !== places.bundle) return { name: shown, file: file.slice(0, 1024), line, column };
  const bundle = { line, column };
  // A source map counts columns from 0, V8 from 1.
  const original = map && line > 0 ? originalPositionFor(map, { line, column: Math.max(0, column - 1) }) : undefined;
  if (!original?.source) return { name: shown, file: BUNDLE_NAME, line, column, bundle };
  return {
    name: shown,
    file: original.source.slice(0, 1024),
    line: original.line,
    column: original.column + 1,
    bundle,
  };
}

/** The head of a stack without paths of this host. */
export function mapHead(head: string, places: CodePlaces): string {
  return head.replaceAll(places.bundle, BUNDLE_NAME);
}

const kept = new Map<string, TraceMap | undefined>();
const KEPT_MAPS = 4;

/** The source map in a file, or `undefined` when it is none: frames then stay places of the bundle. */
export function readMap(file: string): TraceMap | undefined {
  if (kept.has(file)) return kept.get(file);
  let map: TraceMap | undefined;
  try {
    map = new TraceMap(readFileSync(file, 'utf8'));
  } catch {
    map = undefined;
  }
  if (kept.size >= KEPT_MAPS) kept.delete(kept.keys().next().value!);
  kept.set(file, map);
  return map;
}
