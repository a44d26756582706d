// Mail in development: each into a file of its own in the data folder, and its link into the log, so that the way by mail
// can be walked without a mail server. Never in production (wire.ts).
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { SendMail } from './accounts/letters.ts';
import type { Clock } from './clock.ts';

/** Writes into `mail` in the data folder; nobody else reads there. */
export const folderMailer =
  (dataFolder: string, clock: Clock): SendMail =>
  async ({ to, subject, text, link }) => {
    const folder = join(dataFolder, 'mail');
    await mkdir(folder, { recursive: true, mode: 0o700 });
    const instant = new Date(clock.now() * 1000).toISOString().replaceAll(':', '-');
    const file = join(folder, `${instant}-${link.slice(-6)}.txt`);
    await writeFile(file, `To: ${to}\nSubject: ${subject}\n\n${text}`, { mode: 0o600, flag: 'wx' });
    return { file, link };
  };
