import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { inflateRawSync } from 'node:zlib';

export interface ZipEntry {
  name: string;
  size: number;
  mode: number;
  read(): Buffer;
}

const END = 0x06054b50;
const END_SIZE = 22;

/** The files of a zip archive (PKWARE APPNOTE 4.3; no zip64, no encryption), in the order of its directory. */
export function readZip(file: string): ZipEntry[] {
  const bytes = readFileSync(file);
  let end = bytes.length - END_SIZE;
  while (end >= 0 && bytes.readUInt32LE(end) !== END) end -= 1;
  if (end < 0) throw new Error(`${file} is no zip archive.`);
  const entries: ZipEntry[] = [];
  let at = bytes.readUInt32LE(end + 16);
  for (let i = bytes.readUInt16LE(end + 10); i > 0; i--) {
    const method = bytes.readUInt16LE(at + 10);
    const packed = bytes.readUInt32LE(at + 20);
    const nameLength = bytes.readUInt16LE(at + 28);
    const local = bytes.readUInt32LE(at + 42);
    const content = local + 30 + bytes.readUInt16LE(local + 26) + bytes.readUInt16LE(local + 28);
    entries.push({
      name: bytes.toString('utf8', at + 46, at + 46 + nameLength),
      size: bytes.readUInt32LE(at + 24),
      mode: bytes.readUInt32LE(at + 38) >>> 16,
      read: () => {
        const data = bytes.subarray(content, content + packed);
        return method === 0 ? data : inflateRawSync(data);
      },
    });
    at += 46 + nameLength + bytes.readUInt16LE(at + 30) + bytes.readUInt16LE(at + 32);
  }
  return entries;
}

/** Unpacks an archive into a folder, with the permissions it names. */
export function unzip(file: string, into: string): void {
  for (const entry of readZip(file)) {
    const path = join(into, entry.name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, entry.read());
    if (entry.mode) chmodSync(path, entry.mode & 0o777);
  }
}
