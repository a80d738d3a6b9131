/** What must hold: the ratio of one target's median to another's, at most so much. */
import { clocked } from './scenarios/fan-out.ts';
import nodes from './scenarios/nodes.ts';
import { type FigureName, medianOf, type Row } from './summary.ts';

export interface Check {
  readonly scenario: string;
  readonly case: string;
  readonly figure: FigureName;
  readonly of: string;
  readonly than: string;
  /** Left out: the same case. */
  readonly thanCase?: string;
  readonly atMost: number;
}

export interface CheckedRatio extends Check {
  /** `NaN` when one of the two was not measured. */
  readonly ratio: number;
  readonly isMet: boolean;
}

const SMALL = '20 B, 50 connections';
const MEDIUM = '1 KiB, 50 connections, 8 in flight';
const LARGE = '64 KiB, 4 connections';
const TEXT = '20 B of text, decoded';

const echo = (name: string, than: string, atMost: number, thanCase = name): Check => ({
  scenario: 'echo',
  case: name,
  figure: 'cpuMicros',
  of: 'polyloop',
  than,
  thanCase,
  atMost,
});
const handshake = (of: string, than: string, atMost: number): Check => ({
  scenario: 'handshakes',
  case: 'connect, upgrade, close',
  figure: 'cpuMicros',
  of,
  than,
  atMost,
});
const memory = (than: string, atMost: number): Check => ({
  scenario: 'idle',
  case: 'waiting, with callbacks for text and closing',
  figure: 'bytesPerConnection',
  of: 'polyloop',
  than,
  atMost,
});

/** CPU per delivery against uWebSockets.js on one thread and against the relay, and how long deliveries take against the relay. */
function fanOut(name: string, uws: number, relay: number): Check[] {
  const check = { scenario: 'fan-out', of: 'polyloop-2' } as const;
  const times = [name, clocked(name, 'full'), clocked(name, 'half')];
  return [
    { ...check, case: name, figure: 'cpuMicros', than: 'uws', atMost: uws },
    { ...check, case: name, figure: 'cpuMicros', than: 'uws-relay', atMost: relay },
    ...times.map((one): Check => ({ ...check, case: one, figure: 'p99', than: 'uws-relay', atMost: 1 })),
  ];
}

/** CPU of both nodes per delivery against Socket.IO's on the same engine. */
const acrossNodes = (name: string): Check => ({
  scenario: 'nodes',
  case: name,
  figure: 'cpuMicros',
  of: 'polyloop-redis',
  than: 'socket.io-redis',
  atMost: 1 / 3,
});

export const CHECKS: readonly Check[] = [
  echo(SMALL, 'uws', 1.05),
  echo(SMALL, 'ws', 1 / 1.5),
  echo(MEDIUM, 'uws', 1.05),
  echo(MEDIUM, 'ws', 1 / 6),
  echo(LARGE, 'uws', 1.05),
  echo(TEXT, 'uws', 1.2, SMALL),
  handshake('polyloop', 'uws', 1.5),
  handshake('polyloop', 'ws', 1 / 3.5),
  handshake('polyloop-reuseport', 'uws', 1.5),
  handshake('polyloop-reuseport', 'ws', 1 / 3.5),
  ...fanOut('1 → 1,000, 64 in flight', 0.5, 0.5),
  ...fanOut('10 → 10, 8 in flight', 0.4, 0.45),
  ...fanOut('100 × 2 → 2, 4 in flight', 1.3, 0.4),
  ...fanOut('10 × 10 → 10, 1 in flight', 1.15, 0.8),
  ...fanOut('10 → 10, 1 in flight', 1.6, 0.7),
  memory('uws', 2),
  memory('ws', 1 / 4),
  {
    scenario: 'burn',
    case: 'handler of 200 µs',
    figure: 'perSecond',
    of: 'polyloop',
    than: 'polyloop-2',
    atMost: 1 / 1.9,
  },
  ...nodes.cases.map(({ name }) => acrossNodes(name)),
];

/** Whether a case of a target is needed for a check. */
export const isChecked = (scenario: string, name: string, target: string): boolean =>
  CHECKS.some(
    (check) =>
      check.scenario === scenario &&
      ((check.case === name && check.of === target) ||
        ((check.thanCase ?? check.case) === name && check.than === target)),
  );

export function checked(rows: readonly Row[]): CheckedRatio[] {
  const figureOf = (check: Check, name: string, target: string): number => {
    const isRow = (row: Row): boolean =>
      row.scenario === check.scenario && row.case === name && row.target === target;
    const row = rows.find(isRow);
    return row ? medianOf(row, check.figure) : Number.NaN;
  };
  return CHECKS.map((check) => {
    const of = figureOf(check, check.case, check.of);
    const ratio = of / figureOf(check, check.thanCase ?? check.case, check.than);
    return { ...check, ratio, isMet: ratio <= check.atMost };
  });
}
