/** One cell: text stands left, figures right. */
export type Cell = string | number | undefined;

/** A Markdown table that can be read as plain text, too. */
export function markdownTable(
  header: readonly string[],
  rows: readonly (readonly Cell[])[],
): string {
  const isFigure = header.map((_, column) => rows.every((row) => typeof row[column] !== 'string'));
  const texts = [header, ...rows.map((row) => row.map(textOf))];
  const widths = header.map((_, column) => Math.max(...texts.map((row) => row[column]!.length), 3));

  const line = (row: readonly string[]): string => {
    const cells = row.map((text, column) =>
      isFigure[column] ? text.padStart(widths[column]!) : text.padEnd(widths[column]!),
    );
    return `| ${cells.join(' | ')} |`;
  };
  const rule = widths.map((width, column) =>
    isFigure[column] ? `${'-'.repeat(width - 1)}:` : '-'.repeat(width),
  );
  return [line(texts[0]!), line(rule), ...texts.slice(1).map(line)].join('\n');
}

function textOf(cell: Cell): string {
  if (cell === undefined) return '–';
  if (typeof cell === 'string') return cell;
  if (Math.abs(cell) >= 100 || Number.isInteger(cell)) return cell.toFixed(0);
  return cell.toFixed(cell < 10 ? 2 : 1);
}
