import { parseGpuInfo, parseGpuUse } from '../../../bench/gpu/nvidia-smi';
import { parseReport } from '../../../bench/load-generator';
import { parseMachine, parseRss, parseStat, treeOf, useOfTree } from '../../../bench/process-tree';
import { parseStats } from '../../../bench/server-stats';

test('a process is read although its name holds spaces and brackets', () => {
  const line = '42 (a (b) c) S 7 40 40 0 -1 4194560 9 0 0 0 150 25 3 2 20 0 11 0 99 1000 2000';

  expect(parseStat(line)).toEqual({ pid: 42, parent: 7, group: 40, ticks: 180 });
  expect(parseStat('')).toBeUndefined();
});

test('a tree is what descends from the root or shares its group, at any depth', () => {
  const process = (pid: number, parent: number, group: number) => ({
    pid,
    parent,
    group,
    ticks: 1,
  });
  const all = [
    process(12, 11, 12),
    process(10, 1, 10),
    process(11, 10, 11),
    process(13, 1, 10),
    process(20, 1, 20),
  ];

  expect(treeOf(10, all).map(({ pid }) => pid)).toEqual([12, 10, 11, 13]);
});

test('nothing belongs to a process that could not be started', () => {
  const all = [{ pid: 1, parent: 0, group: 0, ticks: 1 }];

  expect(treeOf(0, all)).toEqual([]);
  expect(treeOf(1, all)).toEqual([]);
});

test('the use of this very process is found', () => {
  const { cpuMs, rssBytes } = useOfTree(process.pid);

  expect(cpuMs).toBeGreaterThan(0);
  expect(rssBytes).toBeGreaterThan(10 * 2 ** 20);
});

test('idle and waiting time is no work of the machine, stolen time is', () => {
  expect(parseMachine('cpu  1 2 4 1000 1000 8 16 32 0 0\ncpu0 9 9 9 9\n')).toBe(63);
});

test('resident memory is in bytes, and 0 for a process that has ended', () => {
  expect(parseRss('Name:\tx\nVmRSS:\t  2048 kB\n')).toBe(2 * 2 ** 20);
  expect(parseRss('Name:\tx\nState:\tZ (zombie)\n')).toBe(0);
});

test('counters of all models add up, and the delay is in milliseconds', () => {
  const text = [
    '# HELP tfjs_serving_inference_count_total Rows run',
    'tfjs_serving_inference_count_total{model="a",version="1"} 30',
    'tfjs_serving_inference_count_total{model="b",version="1"} 12',
    'tfjs_serving_execution_count_total{model="a",version="1"} 7',
    'tfjs_serving_event_loop_delay_seconds{quantile="0.5"} 0.001',
    'tfjs_serving_event_loop_delay_seconds{quantile="0.99"} 0.004',
  ].join('\n');

  expect(parseStats(text)).toEqual({ rows: 42, runs: 7, loopP99Ms: 4 });
});

test('a contender without counters says what it has', () => {
  expect(parseStats('{"loopP99Ms": 3.5}')).toEqual({ loopP99Ms: 3.5 });
});

test('what the load generator writes is checked', () => {
  const report = {
    seconds: 3.01,
    bytes: 10,
    p50Ms: 1,
    p95Ms: 2,
    p99Ms: 3,
    maxMs: 4,
    failed: 0,
    statuses: { '200': 5 },
  };

  expect(parseReport(JSON.stringify(report))).toEqual(report);
  expect(() => parseReport('{"seconds": 0}')).toThrow('seconds');
});

test('a GPU is described, and what it does not report is left out of the means', () => {
  expect(parseGpuInfo('NVIDIA H100 80GB HBM3, 550.54.15, 81559, 5, 16\n')).toEqual({
    name: 'NVIDIA H100 80GB HBM3',
    driver: '550.54.15',
    memoryMib: 81559,
    pcieGeneration: '5',
    pcieWidth: '16',
  });
  expect(parseGpuInfo('')).toBeUndefined();
  expect(parseGpuUse('40, 1000, 100.5\n60, 1500, [N/A]\n')).toEqual({
    samples: 2,
    utilisation: 50,
    memoryMib: 1500,
    powerW: 100.5,
  });
});
