/* timeline: the strip of time, and the range brushed on it. Two sliders are its keyboard path. */
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import { palette } from './colours';
import type { Profile } from './report';
import { amount, seconds } from './words';

const HEIGHT = 54;

export interface TimelineProps {
  p: Profile; kind: number; range: [number, number] | null; dark: boolean;
  onRange(range: [number, number] | null): void;
}

/* CPU time per time is processors; anything else is told as it is. */
function peakText(p: Profile, kind: number, peak: number): string {
  const unit = p.kinds[kind].unit;
  if (unit === 'ns') return `${(peak / p.time!.slice_ns).toFixed(2)} CPUs`;
  return `${amount(peak, unit)} ${unit === 'count' ? p.kinds[kind].name : ''} in ${seconds(p.time!.slice_ns)}`;
}

export function Timeline({ p, kind, range, dark, onRange }: TimelineProps) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const strip = useRef<HTMLDivElement>(null);
  const [px, setPx] = useState(0);
  const [from, setFrom] = useState<number | null>(null);
  const n = p.time!.slices;
  const { column, scale } = p.kinds[kind];
  const total = p.slice!.total[column];
  let peak = 0;
  for (const v of total) if (v * scale > peak) peak = v * scale;

  useLayoutEffect(() => {
    const watch = new ResizeObserver(() => setPx(strip.current!.clientWidth));
    watch.observe(strip.current!);
    setPx(strip.current!.clientWidth);
    return () => watch.disconnect();
  }, []);
  useEffect(() => {
    const g = canvas.current!.getContext('2d')!;
    const ratio = window.devicePixelRatio || 1;
    const c = palette(dark);
    canvas.current!.width = Math.round(px * ratio);
    canvas.current!.height = HEIGHT * ratio;
    g.setTransform(ratio, 0, 0, ratio, 0, 0);
    g.clearRect(0, 0, px, HEIGHT);
    for (let i = 0; i < n && peak; i++) {
      const h = ((total[i] * scale) / peak) * (HEIGHT - 4);
      const inside = !range || (i >= range[0] && i < range[1]);
      g.fillStyle = inside ? (c.edge || c.fill(0, 3)) : c.edge ? 'GrayText' : c.dim;
      const left = (i * px) / n;
      g.fillRect(left, HEIGHT - h, Math.max(0.6, px / n - (px / n > 3 ? 1 : 0)), h);
    }
  });

  const slice = (e: PointerEvent, up: boolean) => {
    const r = strip.current!.getBoundingClientRect();
    const at = ((e.clientX - r.left) / r.width) * n;
    return Math.max(0, Math.min(n, up ? Math.ceil(at) : Math.floor(at)));
  };
  const drag = (e: PointerEvent) => {
    if (from === null) return;
    const here = slice(e, false);
    onRange(here < from ? [here, from + 1] : [from, Math.max(from + 1, slice(e, true))]);
  };
  const [a, b] = range ?? [0, n];
  const time = (s: number) => seconds(s * p.time!.slice_ns);
  const step = (which: 0 | 1) => (e: KeyboardEvent) => {
    const by = e.shiftKey || e.key.startsWith('Page') ? Math.max(1, Math.round(n / 16)) : 1;
    const up = e.key === 'ArrowRight' || e.key === 'ArrowUp' || e.key === 'PageUp';
    const down = e.key === 'ArrowLeft' || e.key === 'ArrowDown' || e.key === 'PageDown';
    if (e.key === 'Escape') onRange(null);
    else if (!up && !down) return;
    else if (which === 0) onRange([Math.max(0, Math.min(b - 1, a + (up ? by : -by))), b]);
    else onRange([a, Math.min(n, Math.max(a + 1, b + (up ? by : -by)))]);
    e.preventDefault();
    e.stopPropagation();
  };
  const handle = (which: 0 | 1, at: number) => (
    <div class="handle" role="slider" tabIndex={0} aria-label={which ? 'end of the time range' : 'start of the time range'} aria-valuemin={0}
      aria-valuemax={n} aria-valuenow={at} aria-valuetext={time(at)} style={{ left: `${(at / n) * 100}%` }} onKeyDown={step(which)} />
  );
  return (
    <div class="time" role="group" aria-label="Time strip: drag to look at a part of the recording">
      <div class="strip" ref={strip} onPointerDown={(e) => { if ((e.target as HTMLElement).className === 'handle') return; setFrom(slice(e, false)); e.currentTarget.setPointerCapture(e.pointerId); }}
        onPointerMove={drag} onPointerUp={() => setFrom(null)} onPointerCancel={() => setFrom(null)} onDblClick={() => onRange(null)}>
        <canvas ref={canvas} aria-hidden="true" style={{ width: `${px}px`, height: `${HEIGHT}px` }} />
        {range && <div class="brushed" style={{ left: `${(a / n) * 100}%`, width: `${((b - a) / n) * 100}%` }} />}
        {handle(0, a)}
        {handle(1, b)}
      </div>
      <div class="ticks">
        <span>{time(0)}</span>
        <span class="peak">{`peak ${peakText(p, kind, peak)}`}</span>
        <span>{time(n)}</span>
      </div>
    </div>
  );
}
