// Raw TAP made readable on any terminal and in any log: a line for a file that passed, the failures of one
// that did not, what was skipped and why, and tap's own count at the end.
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';

/**
 * Prints the output of `tap run --reporter=tap` as it comes.
 * Answers `N passed, N failed, N skipped` as tap itself counted, or undefined where tap never came to count.
 */
export async function follow(output: Readable): Promise<string | undefined> {
  let file: string[] = [];
  let failed = false;
  let counts: string | undefined;
  for await (const line of createInterface({ input: output })) {
    const result = line.match(/^(not )?ok \d+ - (\S+)(?: # time=(\d+))?/);
    if (result) {
      failed = result[1] !== undefined;
      const seconds = (Number(result[3] ?? 0) / 1000).toFixed(1);
      if (failed) console.log(failures(file).join('\n'));
      console.log(`${failed ? 'FAILED' : 'passed'} ${result[2]} (${seconds} s)`);
      for (const reason of skipped(file)) console.log(`  skipped: ${reason}`);
      file = [];
    } else if (line.startsWith('# { total: ')) {
      counts = sentence(line);
    } else if (line.startsWith('    ')) {
      file.push(line);
    } else if (!/^(TAP version 14|1\.\.\d+|# Subtest: .*|# time=.*|)$/.test(line)) {
      // The runner's own words: why a file failed as a whole, coverage.
      if (failed || !line.startsWith('  ')) console.log(line);
    }
  }
  return counts;
}

/** `# { total: 24, pass: 14, fail: 6, skip: 4 }` in words; what is still to do counts as skipped. */
function sentence(counts: string): string {
  const count = (kind: string) => Number(counts.match(new RegExp(` ${kind}: (\\d+)`))?.[1] ?? 0);
  return `${count('pass')} passed, ${count('fail')} failed, ${count('skip') + count('todo')} skipped`;
}

/** What a test file left out, and why. */
const skipped = (lines: string[]): string[] =>
  lines.flatMap((line) => {
    const [, name, reason] = line.match(/^\s+ok \d+ - (.*?) # SKIP (.*)$/) ?? [];
    return name && reason ? [`${name}: ${reason}`] : [];
  });

/** The lines of one test file without those of its tests that passed. */
function failures(lines: string[]): string[] {
  const shown: string[] = [];
  for (const line of lines) {
    if (/^\s*(1\.\.\d+|# time=.*|)$/.test(line)) continue;
    const passed = line.match(/^(\s+)ok \d+(?: - (.*?))?(?: # .*)?$/);
    if (!passed) {
      shown.push(line);
      continue;
    }
    const opened = shown.lastIndexOf(`${passed[1]}# Subtest: ${passed[2]}`);
    if (opened >= 0 && !shown.slice(opened).some((inner) => /^\s+not ok/.test(inner))) shown.length = opened;
  }
  return shown;
}
